namespace ModelOps.Hardware;

/// <summary>What an operating system tells of the machine.</summary>
/// <param name="OperatingSystem">Name and version.</param>
/// <param name="Processor">Processor name.</param>
/// <param name="PhysicalCores">Physical cores that this process may use.</param>
/// <param name="MemoryBytes">Main memory, or the limit of the process's container when that is less.</param>
/// <param name="FreeMemoryBytes">What a process can take without pushing others to the disk.</param>
/// <param name="MemoryBandwidth">Bandwidth of the main memory in bytes a second, when known from the chip's name.</param>
/// <param name="Gpus">GPUs that <see cref="NvidiaManagement"/> does not know.</param>
internal sealed record SystemFacts(
    string OperatingSystem, string Processor, int PhysicalCores, long MemoryBytes, long FreeMemoryBytes, double? MemoryBandwidth, IReadOnlyList<Device> Gpus)
{
    /// <summary>Physical cores of the fast kind; null where all are alike, or the system does not tell.</summary>
    public int? PerformanceCores { get; init; }

    /// <summary>Processors' worth of time that a container grants; null without a limit.</summary>
    public double? ProcessorQuota { get; init; }
}
