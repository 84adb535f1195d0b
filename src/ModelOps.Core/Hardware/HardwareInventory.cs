using System.Runtime.InteropServices;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>
/// Reads what this machine has, without administrator rights and without starting the engine: the operating system's own files and calls,
/// and NVIDIA's management library where it is installed.
/// </summary>
public static class HardwareInventory
{
    /// <summary>
    /// This machine; <paramref name="storeDirectory"/> tells which disk's free space is wanted (the folder need not exist yet). Takes
    /// milliseconds: the bandwidth of the main memory is left out where the system does not tell it, see <see cref="ReadWithBandwidth"/>.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is.</exception>
    public static Machine Read(string? storeDirectory = null)
    {
        var found = ReadSystem();
        var cpu = new Device("CPU", DeviceKind.Cpu, found.MemoryBytes, Math.Clamp(found.FreeMemoryBytes, 0, found.MemoryBytes), found.MemoryBandwidth);
        // A container with the time of one and a half processors keeps two threads busy.
        var processors = Math.Max(1, (int)Math.Min(Environment.ProcessorCount, Math.Ceiling(found.ProcessorQuota ?? double.MaxValue)));
        var cores = Math.Clamp(found.PhysicalCores, 1, processors);
        return new Machine
        {
            Name = Environment.MachineName,
            OperatingSystem = found.OperatingSystem,
            Architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            Processor = found.Processor,
            PhysicalCores = cores,
            LogicalProcessors = processors,
            PerformanceCores = found.PerformanceCores is { } fast ? Math.Min(fast, cores) : null,
            Devices = [cpu, .. NvidiaManagement.Read(found.MemoryBytes, found.FreeMemoryBytes), .. found.Gpus],
            DiskFreeBytes = storeDirectory is null ? null : DiskSpace.Free(storeDirectory),
        };
    }

    /// <summary>
    /// This machine with the bandwidth of its main memory, where the system does not tell it, so that a fit can tell the speed on the CPU: from the cache of this
    /// user, where it was measured in the last month, else measured, which takes a tenth of a second.
    /// </summary>
    public static Machine ReadWithBandwidth(string? storeDirectory = null, CancellationToken cancellationToken = default)
        => WithBandwidth(Read(storeDirectory), DefaultCache(), measureAnew: false, cancellationToken);

    /// <summary>The same, measured anew whatever the cache has; it is kept there for next time.</summary>
    public static Machine ReadAndMeasure(string? storeDirectory = null, CancellationToken cancellationToken = default)
        => WithBandwidth(Read(storeDirectory), DefaultCache(), measureAnew: true, cancellationToken);

    internal static Machine WithBandwidth(Machine machine, BandwidthCache? cache, bool measureAnew, CancellationToken cancellationToken)
    {
        if (machine.Devices.All(device => device.Kind == DeviceKind.Gpu || device.BandwidthBytesPerSecond is not null))
        {
            return machine;
        }
        var known = measureAnew ? null : cache?.Find(machine);
        var bandwidth = known ?? MemoryBandwidth.Measure(machine.Devices[0].FreeBytes, cancellationToken);
        if (known is null)
        {
            cache?.Keep(machine, bandwidth);
        }
        return machine with
        {
            Devices =
            [
                .. machine.Devices.Select(device => device.Kind != DeviceKind.Gpu && device.BandwidthBytesPerSecond is null
                    ? device with { BandwidthBytesPerSecond = bandwidth }
                    : device),
            ],
        };
    }

    private static BandwidthCache? DefaultCache() => UserCache.Directory(Environment.GetEnvironmentVariable) is { } folder ? new BandwidthCache(folder, TimeProvider.System) : null;

    private static SystemFacts ReadSystem()
    {
        if (OperatingSystem.IsWindows())
        {
            return WindowsSystem.Read();
        }
        if (OperatingSystem.IsMacOS())
        {
            return MacSystem.Read();
        }
        return new LinuxSystem("/").Read();
    }
}
