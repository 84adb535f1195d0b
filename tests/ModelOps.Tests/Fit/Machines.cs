namespace ModelOps.Tests.Fit;

/// <summary>Machines to ask about.</summary>
internal static class Machines
{
    public const long GiB = 1L << 30;

    public static Machine Cpu(double freeGibibytes, double? bandwidth = null) => Of([MainMemory(freeGibibytes, bandwidth)]);

    public static Machine WithGpus(double freeGibibytes, params double[] gpus)
        => Of([MainMemory(freeGibibytes, 60e9), .. gpus.Select((gibibytes, index) => new Device($"NVIDIA GPU {index}", DeviceKind.Gpu, (long)(gibibytes * GiB), (long)(gibibytes * GiB), 1000e9))]);

    public static Machine Of(IReadOnlyList<Device> devices) => new()
    {
        Name = "machine",
        OperatingSystem = "any",
        Architecture = "x64",
        Processor = "any",
        PhysicalCores = 8,
        LogicalProcessors = 16,
        Devices = devices,
    };

    private static Device MainMemory(double freeGibibytes, double? bandwidth) => new("CPU", DeviceKind.Cpu, (long)(freeGibibytes * GiB), (long)(freeGibibytes * GiB), bandwidth);
}
