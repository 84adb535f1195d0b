using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Engine;

/// <summary>
/// Reads what the engine says of memory out of its log (llama_get_memory_breakdown, which would give it as figures, is C++): llama-model.cpp,
/// load_tensors; llama-kv-cache.cpp; llama-memory-recurrent.cpp; llama-context.cpp, sched_reserve.
/// </summary>
internal static partial class EngineReport
{
    /// <summary>The name under which everything in main memory is summed.</summary>
    public const string Cpu = "CPU";

    private const double MiB = 1 << 20;

    /// <summary>A cache of keys and values, and the device of each layer that has a part in it.</summary>
    public sealed record Cache(int Cells, long Bytes, IReadOnlyList<(int Layer, string Device)> Layers);

    /// <summary>The device of every layer, the output counting as the layer after the last.</summary>
    public static IReadOnlyDictionary<int, string> Layers(string log)
        => LayerLine().Matches(log).ToDictionary(match => Whole(match.Groups["layer"]), match => DeviceOf(match.Groups["device"].Value));

    /// <summary>Tensors that were told to lie elsewhere, and where they do.</summary>
    public static IReadOnlyDictionary<string, string> OverriddenTensors(string log)
        => OverrideLine().Matches(log).GroupBy(match => match.Groups["tensor"].Value, StringComparer.Ordinal)
            .ToDictionary(tensor => tensor.Key, tensor => DeviceOf(tensor.Last().Groups["device"].Value), StringComparer.Ordinal);

    /// <summary>The caches, in the order in which the engine makes them.</summary>
    public static IReadOnlyList<Cache> Caches(string log)
    {
        List<Cache> caches = [];
        List<(int, string)> layers = [];
        foreach (Match match in CacheLine().Matches(log))
        {
            if (match.Groups["layer"].Success)
            {
                layers.Add((Whole(match.Groups["layer"]), DeviceOf(match.Groups["device"].Value)));
                continue;
            }
            caches.Add(new Cache(Whole(match.Groups["cells"]), Bytes(match.Groups["size"]), layers));
            layers = [];
        }
        return caches;
    }

    /// <summary>Recurrent state by device.</summary>
    public static IReadOnlyDictionary<string, long> State(string log) => Sum(StateLine().Matches(log));

    /// <summary>Compute buffers by device.</summary>
    public static IReadOnlyDictionary<string, long> Compute(string log) => Sum(ComputeLine().Matches(log));

    /// <summary>Output buffer by device.</summary>
    public static IReadOnlyDictionary<string, long> Output(string log) => Sum(OutputLine().Matches(log));

    /// <summary>Buffers have the names of their kinds: CPU, CPU_Mapped, CUDA_Host, Vulkan0 … What is the host's is main memory.</summary>
    private static string DeviceOf(string name)
        => name.StartsWith(Cpu, StringComparison.Ordinal) || name.EndsWith("_Host", StringComparison.Ordinal) || name is "BLAS" or "AMX" or "ACCEL" ? Cpu : name;

    private static Dictionary<string, long> Sum(MatchCollection matches)
        // The same buffer is told again when a first plan was given up: the last counts.
        => matches.GroupBy(match => match.Groups["device"].Value, StringComparer.Ordinal).Select(buffer => (Device: DeviceOf(buffer.Key), Bytes: Bytes(buffer.Last().Groups["size"])))
            .GroupBy(buffer => buffer.Device, StringComparer.Ordinal).ToDictionary(device => device.Key, device => device.Sum(buffer => buffer.Bytes), StringComparer.Ordinal);

    private static int Whole(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    private static long Bytes(Group group) => (long)Math.Round(double.Parse(group.ValueSpan, CultureInfo.InvariantCulture) * MiB);

    [GeneratedRegex(@"load_tensors: layer\s+(?<layer>\d+) assigned to device (?<device>[^,\s]+)")]
    private static partial Regex LayerLine();

    [GeneratedRegex(@"tensor (?<tensor>\S+) \(\d+ MiB \S+\) buffer type overridden to (?<device>\S+)")]
    private static partial Regex OverrideLine();

    [GeneratedRegex(@"llama_kv_cache: (layer\s+(?<layer>\d+): dev = (?<device>\S+)|size =\s+(?<size>[\d.]+) MiB \(\s*(?<cells>\d+) cells)")]
    private static partial Regex CacheLine();

    [GeneratedRegex(@"llama_memory_recurrent:\s+(?<device>\S+) RS buffer size =\s+(?<size>[\d.]+) MiB")]
    private static partial Regex StateLine();

    [GeneratedRegex(@"sched_reserve:\s+(?<device>\S+) compute buffer size =\s+(?<size>[\d.]+) MiB")]
    private static partial Regex ComputeLine();

    [GeneratedRegex(@":\s+(?<device>\S+)\s+output buffer size =\s+(?<size>[\d.]+) MiB")]
    private static partial Regex OutputLine();
}
