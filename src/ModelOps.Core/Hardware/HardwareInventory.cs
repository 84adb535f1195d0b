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
    /// milliseconds: the bandwidth of the main memory is left out where the system does not tell it, see <see cref="ReadAndMeasure"/>.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the system does not say how much memory there is.</exception>
    public static Machine Read(string? storeDirectory = null)
    {
        var found = ReadSystem();
        var cpu = new Device("CPU", DeviceKind.Cpu, found.MemoryBytes, Math.Clamp(found.FreeMemoryBytes, 0, found.MemoryBytes), found.MemoryBandwidth);
        return new Machine
        {
            Name = Environment.MachineName,
            OperatingSystem = found.OperatingSystem,
            Architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            Processor = found.Processor,
            PhysicalCores = Math.Clamp(found.PhysicalCores, 1, Environment.ProcessorCount),
            LogicalProcessors = Environment.ProcessorCount,
            Devices = [cpu, .. NvidiaManagement.Read(found.MemoryBytes, found.FreeMemoryBytes), .. found.Gpus],
            DiskFreeBytes = storeDirectory is null ? null : DiskSpace.Free(storeDirectory),
        };
    }

    /// <summary>
    /// This machine with the bandwidth of its main memory measured, where the system does not tell it, so that a fit can tell the speed on the CPU.
    /// Takes a tenth of a second more.
    /// </summary>
    public static Machine ReadAndMeasure(string? storeDirectory = null, CancellationToken cancellationToken = default)
    {
        var machine = Read(storeDirectory);
        if (machine.Devices.All(device => device.Kind == DeviceKind.Gpu || device.BandwidthBytesPerSecond is not null))
        {
            return machine;
        }
        var bandwidth = MemoryBandwidth.Measure(machine.Devices[0].FreeBytes, cancellationToken);
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
