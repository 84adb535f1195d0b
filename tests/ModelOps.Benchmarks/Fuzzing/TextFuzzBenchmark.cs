using System.Diagnostics;
using System.Globalization;
using ModelOps.Tests.Fuzzing;

namespace ModelOps.Benchmarks.Fuzzing;

/// <summary>Mutated chat templates and JSON schemas, on one thread. A finding is any exception but a ModelOpsException, too much memory, or too much time.</summary>
internal static class TextFuzzBenchmark
{
    public const string Help = "fuzz-text templates|schemas [COUNT|SECONDSs] [SEED] [FIRST]  mutated templates, rendered, or schemas, made grammars. Default: 60s, seed 1, from number 0.";

    private const long MaximumBytes = 1L << 30;
    private static readonly TimeSpan MaximumTime = TimeSpan.FromSeconds(20);

    public static Task RunAsync(string[] args)
    {
        var fuzz = new TextFuzz();
        Func<int, long, bool> attempt = args.FirstOrDefault() switch
        {
            "templates" => fuzz.Template,
            "schemas" => TextFuzz.Schema,
            _ => throw new BenchmarkException(Help),
        };
        var amount = args.Length > 1 ? args[1] : "60s";
        if (!long.TryParse(amount.TrimEnd('s'), NumberStyles.None, CultureInfo.InvariantCulture, out var limit))
            throw new BenchmarkException(Help);
        var (seed, first) = (args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1, args.Length > 3 ? long.Parse(args[3], CultureInfo.InvariantCulture) : 0);
        var (read, findings, mostBytes, mostSeconds, slowest) = (0L, new List<string>(), 0L, 0.0, 0L);
        var clock = Stopwatch.StartNew();
        var (running, since) = (first, 0L);
        // A thread cannot be stopped: what hangs ends the run, and its number says how to see it again. By processor time: a nice process on a busy machine waits long for its turn.
        using var watch = new Timer(_ =>
        {
            if (Volatile.Read(ref since) is var begun and not 0 && Environment.CpuUsage.TotalTime - TimeSpan.FromTicks(begun) > MaximumTime)
                Environment.FailFast($"fuzz-text {args[0]} 1 {seed} {Volatile.Read(ref running)} hangs.");
        }, null, 1000, 1000);
        var number = first;
        for (; amount.EndsWith('s') ? clock.Elapsed.TotalSeconds < limit : number < first + limit; number++)
        {
            Volatile.Write(ref running, number);
            var begin = Environment.CpuUsage.TotalTime;
            Volatile.Write(ref since, begin.Ticks);
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read += attempt(seed, number) ? 1 : 0;
            }
            catch (Exception exception)
            {
                findings.Add($"fuzz-text {args[0]} 1 {seed} {number}: {exception}");
            }
            var seconds = (Environment.CpuUsage.TotalTime - begin).TotalSeconds;
            Volatile.Write(ref since, 0);
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            if (bytes > MaximumBytes)
                findings.Add($"fuzz-text {args[0]} 1 {seed} {number}: {bytes:N0} bytes");
            mostBytes = Math.Max(mostBytes, bytes);
            if (seconds > mostSeconds)
                (mostSeconds, slowest) = (seconds, number);
            if ((number - first) % 50_000 == 49_999)
                Console.Error.WriteLine($"{number - first + 1:N0} {args[0]}, {clock.Elapsed.TotalSeconds:F0} s, {findings.Count} findings");
        }
        Console.WriteLine($"{number - first:N0} {args[0]} in {clock.Elapsed.TotalSeconds:F0} s, seed {seed}: {read:N0} read, {number - first - read - findings.Count:N0} refused; at most {mostBytes >> 10:N0} KiB and {mostSeconds:0.000} s of the processor ({slowest}) for one; peak memory {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB; {findings.Count} findings");
        return findings.Count == 0 ? Task.CompletedTask : throw new BenchmarkException(string.Join('\n', findings.Take(20)));
    }
}
