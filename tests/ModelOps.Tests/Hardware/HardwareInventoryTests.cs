using ModelOps.Hardware;
using Xunit;

namespace ModelOps.Tests.Hardware;

public class HardwareInventoryTests
{
    [Fact]
    public void ThisMachineIsRead()
    {
        var machine = HardwareInventory.Read(Path.Combine(Path.GetTempPath(), "modelops-no-such-folder", "store"));
        Assert.Equal(Environment.MachineName, machine.Name);
        Assert.Equal(Environment.ProcessorCount, machine.LogicalProcessors);
        Assert.InRange(machine.PhysicalCores, 1, machine.LogicalProcessors);
        Assert.NotEmpty(machine.Processor);
        var cpu = machine.Devices[0];
        Assert.Equal(DeviceKind.Cpu, cpu.Kind);
        Assert.InRange(cpu.FreeBytes, 1, cpu.TotalBytes);
        // .NET's own idea of the limit; it may keep a part of a container's memory back.
        Assert.True(cpu.TotalBytes >= GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        Assert.Equal(new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(Path.GetTempPath())! : Path.GetTempPath()).TotalSize > 0, machine.DiskFreeBytes > 0);
        Assert.Null(HardwareInventory.Read().DiskFreeBytes);
    }

    [Fact]
    public void BandwidthIsThatOfAMemory()
    {
        // Between one channel of DDR2 and a server with HBM: a wrong unit or an optimised-away loop falls outside.
        Assert.InRange(HardwareInventory.ReadAndMeasure().Devices[0].BandwidthBytesPerSecond ?? 0, 1e9, 5e12);
    }

    [Fact]
    public void MeasuringCanBeCancelled()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => MemoryBandwidth.Measure(1 << 30, cancelled.Token));
    }

    public static Machine ThisMachine()
    {
        var machine = HardwareInventory.Read(Path.GetTempPath());
        return machine with { Devices = [.. machine.Devices, new Device("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 25_757_220_864, 24_000_000_000, 1008e9)] };
    }
}
