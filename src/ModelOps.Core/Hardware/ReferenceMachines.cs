using System.IO.Enumeration;
using ModelOps.Errors;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>
/// Typical machines, for questions about machines that nobody has at hand. Their free memory is what a fresh desktop leaves, and their figures are of the
/// makers' specifications; a record that the machine itself writes (<c>modelops hardware --format json</c>) is always better.
/// </summary>
public static class ReferenceMachines
{
    /// <summary>What names of reference machines begin with where a file could be meant too: <c>ref:rtx-4090-24</c>.</summary>
    public const string Prefix = "ref:";

    // The free memory of a fresh desktop, our assumption: system, session and a browser hold 4 GiB of the main memory (5 GiB on a Mac, where the GPU's share
    // comes out of the same pool), the desktop 0.75 GiB of the graphics memory.
    private const long DesktopBytes = 4 * GiB, MacDesktopBytes = 5 * GiB;

    /// <summary>What a desktop keeps of the GPU that its screen is on.</summary>
    internal const long ScreenBytes = GiB * 3 / 4;
    private const long DiskBytes = 200_000_000_000;
    private const long GiB = 1L << 30;

    // A core of a PC reads no more than three quarters of what its memory modules could deliver (Hardware/MemoryBandwidth measures the same).
    private const double ReadShare = 0.75;

    /// <summary>All of them, by size within their kind.</summary>
    public static IReadOnlyList<Machine> All { get; } =
    [
        Pc("cpu-16", 16, 51.2, 4, 8),
        Pc("cpu-32", 32, 89.6, 8, 16),
        Pc("cpu-64", 64, 89.6, 8, 16),
        // Memory as the drivers report it, in MiB, and bandwidth by NVIDIA's and AMD's specifications.
        Pc("rtx-4060-8", 16, 51.2, 6, 12, ("NVIDIA GeForce RTX 4060", 8188, 272)),
        Pc("rtx-3060-12", 32, 51.2, 6, 12, ("NVIDIA GeForce RTX 3060", 12288, 360)),
        Pc("rtx-4070-12", 32, 89.6, 8, 16, ("NVIDIA GeForce RTX 4070", 12282, 504)),
        Pc("rtx-5060-ti-16", 32, 89.6, 8, 16, ("NVIDIA GeForce RTX 5060 Ti", 16311, 448)),
        Pc("rtx-4080-16", 32, 89.6, 8, 16, ("NVIDIA GeForce RTX 4080", 16376, 717)),
        Pc("rtx-3090-24", 64, 51.2, 8, 16, ("NVIDIA GeForce RTX 3090", 24576, 936)),
        Pc("rtx-4090-24", 64, 89.6, 8, 16, ("NVIDIA GeForce RTX 4090", 24564, 1008)),
        Pc("rx-7900-xtx-24", 64, 89.6, 8, 16, ("AMD Radeon RX 7900 XTX", 24560, 960)),
        Pc("rtx-5090-32", 64, 96, 8, 16, ("NVIDIA GeForce RTX 5090", 32607, 1792)),
        Pc("rtx-3090-2x24", 128, 51.2, 16, 32, ("NVIDIA GeForce RTX 3090", 24576, 936), ("NVIDIA GeForce RTX 3090", 24576, 936)),
        Mac("mac-m4-16", "Apple M4", 16, 120, 4, 10),
        Mac("mac-m4-24", "Apple M4", 24, 120, 4, 10),
        Mac("mac-m4-32", "Apple M4", 32, 120, 4, 10),
        Mac("mac-m4-max-36", "Apple M4 Max", 36, 410, 10, 14),
        Mac("mac-m4-pro-48", "Apple M4 Pro", 48, 273, 10, 14),
        Mac("mac-m4-pro-64", "Apple M4 Pro", 64, 273, 10, 14),
        Mac("mac-m3-ultra-96", "Apple M3 Ultra", 96, 819, 20, 28),
        Mac("mac-m4-max-128", "Apple M4 Max", 128, 546, 12, 16),
    ];

    /// <summary>Those whose name a pattern with <c>*</c> and <c>?</c> takes in, with or without <see cref="Prefix"/>, in any case.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when there is none.</exception>
    public static IReadOnlyList<Machine> Find(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var name = pattern.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? pattern[Prefix.Length..] : pattern;
        Machine[] found = [.. All.Where(machine => FileSystemName.MatchesSimpleExpression(name, machine.Name, ignoreCase: true))];
        return found.Length > 0 ? found : throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no reference machine '{name}'.",
            $"There are {string.Join(", ", All.Select(machine => machine.Name).OrderBy(known => EditDistance.Between(known, name)).Take(4))} and others: modelops hardware --list.");
    }

    private static Machine Pc(string name, int memory, double gigabytes, int cores, int threads, params (string Name, long Mebibytes, double Gigabytes)[] gpus)
    {
        var total = memory * GiB;
        return new Machine
        {
            Name = name,
            OperatingSystem = "a fresh desktop",
            Architecture = "x64",
            Processor = $"{cores} cores, {gigabytes:0.#} GB/s of memory",
            PhysicalCores = cores,
            LogicalProcessors = threads,
            Devices =
            [
                new Device("CPU", DeviceKind.Cpu, total, total - DesktopBytes, gigabytes * ReadShare * 1e9),
                .. gpus.Select((gpu, index) => new Device(gpu.Name, DeviceKind.Gpu, gpu.Mebibytes << 20, (gpu.Mebibytes << 20) - (index == 0 ? ScreenBytes : 0), gpu.Gigabytes * 1e9)),
            ],
            DiskFreeBytes = DiskBytes,
        };
    }

    private static Machine Mac(string name, string chip, int memory, double gigabytes, int performanceCores, int cores)
    {
        var total = memory * GiB;
        var free = total - MacDesktopBytes;
        return new Machine
        {
            Name = name,
            OperatingSystem = "a fresh macOS",
            Architecture = "arm64",
            Processor = chip,
            PhysicalCores = cores,
            LogicalProcessors = cores,
            PerformanceCores = performanceCores,
            Devices =
            [
                new Device("CPU", DeviceKind.Cpu, total, free, gigabytes * 1e9),
                AppleChip.Gpu(chip, total, free, 0) with { BandwidthBytesPerSecond = gigabytes * 1e9 },
            ],
            DiskFreeBytes = DiskBytes,
        };
    }
}
