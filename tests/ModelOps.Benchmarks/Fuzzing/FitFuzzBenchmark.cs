using System.Diagnostics;
using System.Globalization;
using ModelOps.Tests.Fuzzing;

namespace ModelOps.Benchmarks.Fuzzing;

/// <summary>Fits of mutated headers. A finding is any exception but a ModelOpsException, too much memory, or too much time.</summary>
internal static class FitFuzzBenchmark
{
    public const string Help = "fuzz-fit [COUNT] [SEED] [FIRST]  fits of mutated headers: reader, shape, placement, advice. Default: 100000, seed 1, from number 0.";

    private const long MaximumBytes = 64 << 20;
    private static readonly TimeSpan MaximumTime = TimeSpan.FromSeconds(10);

    public static Task RunAsync(string[] args)
    {
        long Argument(int at, long other) => args.Length > at ? long.Parse(args[at], CultureInfo.InvariantCulture) : other;
        var (count, seed, first) = (Argument(0, 100_000), (int)Argument(1, 1), Argument(2, 0));
        var fuzz = new FitFuzz();
        var (answered, mostBytes, mostSeconds, slowest, findings) = (0L, 0L, 0.0, 0L, new List<string>());
        var clock = Stopwatch.StartNew();
        for (var number = first; number < first + count; number++)
        {
            var (bytes, begin) = (GC.GetAllocatedBytesForCurrentThread(), clock.Elapsed);
            try
            {
                answered += fuzz.Try(seed, number) ? 1 : 0;
            }
            catch (Exception exception)
            {
                findings.Add($"{number}: {exception}");
            }
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            var seconds = (clock.Elapsed - begin).TotalSeconds;
            if (bytes > MaximumBytes || seconds > MaximumTime.TotalSeconds)
                findings.Add($"{number}: {bytes:N0} bytes, {seconds:0.0} s");
            mostBytes = Math.Max(mostBytes, bytes);
            if (seconds > mostSeconds)
                (mostSeconds, slowest) = (seconds, number);
        }
        Console.WriteLine($"{count:N0} headers in {clock.Elapsed.TotalSeconds:F0} s, seed {seed}: {answered:N0} answered, {count - answered - findings.Count:N0} refused; at most {mostBytes >> 10:N0} KiB and {mostSeconds:0.000} s ({slowest}) for one; peak memory {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB; {findings.Count} findings");
        return findings.Count == 0 ? Task.CompletedTask : throw new BenchmarkException(string.Join('\n', findings.Take(20)));
    }
}
