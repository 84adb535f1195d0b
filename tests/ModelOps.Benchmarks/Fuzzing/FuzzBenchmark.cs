using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ModelOps.Tests.Fuzzing;

namespace ModelOps.Benchmarks.Fuzzing;

/// <summary>
/// Gives mutated inputs to the readers until a number or a time is reached. A finding is any exception but a ModelOpsException, more than
/// <see cref="MaximumBytes"/> allocated, or more than <see cref="MaximumTime"/>.
/// </summary>
internal sealed class FuzzBenchmark
{
    public const string Help = "fuzz [COUNT|SECONDSs] [SEED] [FIRST]  mutated inputs for the readers; findings go to fuzz-findings/. Default: 60s, seed 1, from number 0.";

    private const long MaximumBytes = 1L << 30;
    private static readonly TimeSpan MaximumTime = TimeSpan.FromSeconds(20);

    private readonly FuzzCorpus _corpus = new();
    private readonly ConcurrentDictionary<string, int> _findings = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<FuzzTarget, (long Tried, long Read)> _counts = new();
    private readonly int _seed;
    private readonly long _first;
    private readonly long _end;
    private readonly TimeSpan _limit;
    private readonly (long Number, long Since)[] _running;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _next;
    private int _seconds;

    private FuzzBenchmark(long count, TimeSpan limit, int seed, long first)
    {
        (_seed, _first, _end, _limit, _next) = (seed, first, count == long.MaxValue ? count : first + count, limit, first);
        _running = new (long Number, long Since)[Environment.ProcessorCount];
    }

    public static Task RunAsync(string[] args)
    {
        var amount = args.Length > 0 ? args[0] : "60s";
        var isTime = amount.EndsWith('s');
        if (!long.TryParse(amount.TrimEnd('s'), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new BenchmarkException(Help);
        var seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
        var first = args.Length > 2 ? long.Parse(args[2], CultureInfo.InvariantCulture) : 0;
        new FuzzBenchmark(isTime ? long.MaxValue : number, isTime ? TimeSpan.FromSeconds(number) : TimeSpan.MaxValue, seed, first).Run();
        return Task.CompletedTask;
    }

    private void Run()
    {
        // Memory as a disk where there is one: millions of small files are written.
        var root = Directory.Exists("/dev/shm") ? Directory.CreateDirectory($"/dev/shm/modelops-fuzz-{Environment.ProcessId}").FullName : Directory.CreateTempSubdirectory("modelops-fuzz-").FullName;
        using var watch = new Timer(_ => Watch(root), null, 1000, 1000);
        var workers = Enumerable.Range(0, _running.Length).Select(worker => new Thread(() => Work(worker, new FuzzFolder(Path.Combine(root, $"{worker}"))))).ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        Directory.Delete(root, recursive: true);
        foreach (var (target, (tried, read)) in _counts.OrderBy(count => count.Key))
            Console.WriteLine($"{target,-12} {tried,9:N0} inputs  {read,9:N0} read  {tried - read,9:N0} refused");
        Console.WriteLine($"{_counts.Values.Sum(count => count.Tried):N0} inputs in {_clock.Elapsed.TotalSeconds:F0} s, seed {_seed}, from {_first}; peak memory {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB; {_findings.Values.Sum()} findings of {_findings.Count} kinds");
        if (!_findings.IsEmpty)
            throw new BenchmarkException(string.Join('\n', _findings.OrderByDescending(finding => finding.Value).Select(finding => $"{finding.Value,6} × {finding.Key}")));
    }

    private void Work(int worker, FuzzFolder folder)
    {
        while (_clock.Elapsed < _limit && Interlocked.Increment(ref _next) - 1 is var number && number < _end)
        {
            var input = FuzzInput.Create(_corpus, _seed, number);
            _running[worker] = (number, Stopwatch.GetTimestamp());
            var before = GC.GetAllocatedBytesForCurrentThread();
            var isRead = false;
            try
            {
                isRead = folder.Try(input) is null;
            }
            catch (Exception exception)
            {
                Record(input, number, $"{exception.GetType().Name} {exception.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("ModelOps.", StringComparison.Ordinal))?.Trim()}", exception.ToString());
            }
            if (GC.GetAllocatedBytesForCurrentThread() - before is var bytes and > MaximumBytes)
                Record(input, number, $"{input.Target} allocates", $"{bytes:N0} bytes allocated");
            _counts.AddOrUpdate(input.Target, (1, isRead ? 1 : 0), (_, count) => (count.Tried + 1, count.Read + (isRead ? 1 : 0)));
            _running[worker] = default;
        }
    }

    // A thread cannot be stopped: what hangs ends the run, with its input kept.
    private void Watch(string root)
    {
        foreach (var (number, since) in _running)
        {
            if (since == 0 || Stopwatch.GetElapsedTime(since) < MaximumTime)
                continue;
            Record(FuzzInput.Create(_corpus, _seed, number), number, "hangs", $"No answer after {MaximumTime}.");
            Directory.Delete(root, recursive: true);
            Environment.FailFast($"Input {_seed} {number} hangs.");
        }
        if (++_seconds % 10 == 0)
            Console.Error.WriteLine($"{_next - _first:N0} inputs, {_clock.Elapsed.TotalSeconds:F0} s, {_findings.Values.Sum()} findings");
    }

    private void Record(FuzzInput input, long number, string kind, string text)
    {
        // The first of a kind says it all.
        if (_findings.AddOrUpdate(kind, 1, (_, count) => count + 1) > 1)
            return;
        var folder = Directory.CreateDirectory(Path.Combine("fuzz-findings", $"{_seed}-{number}")).FullName;
        File.WriteAllText(Path.Combine(folder, "finding.txt"), $"fuzz 1 {_seed} {number}\n{input.Target} of {input.Origin}, {input.Type}{(input.Runs ? ", run" : "")}\n{text}\n");
        foreach (var (name, bytes) in input.Changed)
            File.WriteAllBytes(Path.Combine(folder, name.Length == 0 ? "input" : name.Replace('/', '_')), bytes);
        Console.Error.WriteLine($"finding: fuzz 1 {_seed} {number}: {kind}");
    }
}
