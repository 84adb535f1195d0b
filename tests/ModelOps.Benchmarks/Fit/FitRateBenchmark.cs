using System.Globalization;
using System.Runtime.InteropServices;
using ModelOps.Tests.Fit;

namespace ModelOps.Benchmarks.Fit;

/// <summary>How many fits a core answers in a second, once the shape is read: real models on the reference machines, with and without advice.</summary>
internal static class FitRateBenchmark
{
    public const string Help = "fit [SECONDS] [MODEL]  fits a second on one core: every synthetic model (or those whose name begins so) on every reference machine, each for so many seconds.";

    private static readonly (string Name, FitRequest Request)[] Requests =
    [
        ("default request", new FitRequest()),
        ("32k of context, quantised keys and values", new FitRequest { ContextLength = 32768, KvType = GgmlType.Q8_0 }),
        ("all on GPUs, no flash attention", new FitRequest { GpuLayers = -1, FlashAttention = false }),
        ("largest context", new FitRequest { ContextLength = ContextWish.Largest }),
    ];

    public static Task RunAsync(string[] args)
    {
        var seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 2;
        var prefix = args.Length > 1 ? args[1] : "";
        ModelShape[] shapes = [.. SyntheticModels.Names.Where(name => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Select(SyntheticModels.Shape)];
        var machines = ReferenceMachines.All;
        Console.WriteLine($"{shapes.Length} models on {machines.Count} machines, one thread, processor time");
        var table = new Table("Fits a second, one core", "request", "fit, placement and speed", "slowest model", "with advice", "slowest model");
        foreach (var (name, request) in Requests)
        {
            var (bare, slowest) = Rate(shapes, machines, request, advice: false, seconds);
            var (advised, slowestAdvised) = Rate(shapes, machines, request, advice: true, seconds);
            table.Row(name, Number(bare), slowest, Number(advised), slowestAdvised);
        }
        return Task.CompletedTask;
    }

    /// <summary>Fits a second over all pairs, each as often as the others, and the model that takes longest. Processor time: others share the machine.</summary>
    private static (double Rate, string Slowest) Rate(ModelShape[] shapes, IReadOnlyList<Machine> machines, FitRequest request, bool advice, double seconds)
    {
        Round();
        var (rounds, took) = (0, new double[shapes.Length]);
        for (; took.Sum() < seconds; rounds++)
        {
            foreach (var (index, time) in Round().Index())
                took[index] += time;
        }
        var slowest = took.Index().MaxBy(entry => entry.Item);
        return (rounds * shapes.Length * machines.Count / took.Sum(), $"{shapes[slowest.Index].Name} {Number(rounds * machines.Count / slowest.Item)}");

        double[] Round() => [.. shapes.Select(shape =>
        {
            var begin = Now();
            foreach (var machine in machines)
            {
                var result = FitEstimator.Estimate(shape, machine, request);
                if (advice)
                    _ = result.Advice;
            }
            return Now() - begin;
        })];
    }

    /// <summary>Seconds of processor time of the process: its collector's are in it, and no other thread is at work but at first the compiler's.</summary>
    private static double Now() => ClockGetTime(ProcessTime, out var time) == 0 ? time.Seconds + (time.Nanoseconds * 1e-9) : throw new BenchmarkException("The processor time cannot be read.");

    private const int ProcessTime = 2; // CLOCK_PROCESS_CPUTIME_ID

    private readonly struct Time
    {
        public readonly long Seconds, Nanoseconds;
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, out Time time);

    private static string Number(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
