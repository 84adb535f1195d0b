using System.Buffers.Binary;

namespace ModelOps.Hardware;

/// <summary>What Windows' calls and registry give, taken apart; apart from reading them so that it can be tested anywhere.</summary>
internal static class WindowsRecords
{
    /// <summary>Bytes of a JOBOBJECT_EXTENDED_LIMIT_INFORMATION.</summary>
    public const int JobRecordLength = 144;

    private const int RelationProcessorCore = 0;

    // Below this it is a window into the main memory of a GPU inside the processor.
    private const long LeastOwnMemory = 3L << 30;

    /// <summary>
    /// Counts SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX records of kind "core": each begins with its kind and its size, 32 bits each, then flags and the efficiency
    /// class, a byte each (PROCESSOR_RELATIONSHIP): the higher the class, the faster the core. The fast ones are null where all are of one class.
    /// </summary>
    public static (int Cores, int? Fast)? CountCores(ReadOnlySpan<byte> records)
    {
        const int ClassOffset = 9;
        var classes = new List<byte>();
        while (records.Length >= 8)
        {
            var kind = BinaryPrimitives.ReadInt32LittleEndian(records);
            var size = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
            if (size < 8 || size > records.Length)
            {
                return null;
            }
            if (kind == RelationProcessorCore)
            {
                classes.Add(size > ClassOffset ? records[ClassOffset] : (byte)0);
            }
            records = records[size..];
        }
        return classes.Count == 0 ? null : (classes.Count, classes.Max() == classes.Min() ? null : classes.Count(kind => kind == classes.Max()));
    }

    /// <summary>
    /// The memory limit of a JOBOBJECT_EXTENDED_LIMIT_INFORMATION on a 64-bit system, the smallest of those whose flag is set: of the process, of the job, of the
    /// working set; null when there is none. What containers and some services run under.
    /// </summary>
    public static long? JobLimit(ReadOnlySpan<byte> record)
    {
        const int FlagsOffset = 16, MostWorkingSetOffset = 32, ProcessOffset = 112, JobOffset = 120;
        const uint WorkingSet = 0x1, ProcessMemory = 0x100, JobMemory = 0x200;
        if (record.Length < JobRecordLength)
        {
            return null;
        }
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(record[FlagsOffset..]);
        long? least = null;
        foreach (var (flag, offset) in new[] { (WorkingSet, MostWorkingSetOffset), (ProcessMemory, ProcessOffset), (JobMemory, JobOffset) })
        {
            if ((flags & flag) != 0 && BinaryPrimitives.ReadInt64LittleEndian(record[offset..]) is > 0 and var limit)
            {
                least = Math.Min(least ?? long.MaxValue, limit);
            }
        }
        return least;
    }

    /// <summary>
    /// A display adapter as DXGI tells it: PCI vendor, memory of its own, main memory it may use, and what Windows grants this process of the one it lives in
    /// (budget less what it uses; null where the driver is too old to say). Null for software and for NVIDIA's, which NVML knows better, unless it is not there.
    /// </summary>
    public static Device? Adapter(string name, uint vendor, bool isSoftware, long ownBytes, long sharedBytes, long? grantedBytes, long freeMemoryBytes, bool nvidiaKnown)
    {
        const uint Nvidia = 0x10DE, Microsoft = 0x1414;
        if (isSoftware || vendor == Microsoft || (vendor == Nvidia && nvidiaKnown))
        {
            return null;
        }
        if (ownBytes >= LeastOwnMemory)
        {
            return new Device(name, DeviceKind.Gpu, ownBytes, Math.Clamp(grantedBytes ?? ownBytes, 0, ownBytes));
        }
        var total = ownBytes + sharedBytes;
        return total <= 0 ? null : new Device(name, DeviceKind.IntegratedGpu, total, Math.Clamp(Math.Min(grantedBytes ?? total, freeMemoryBytes), 0, total));
    }

    /// <summary>A display adapter by its PCI id (<c>PCI\VEN_1002&amp;DEV_744C…</c>); null for vendors that another source knows or that cannot compute.</summary>
    public static Device? Adapter(string name, string pciId, long ownBytes, long memoryBytes, long freeMemoryBytes)
    {
        if (!pciId.Contains("VEN_1002", StringComparison.OrdinalIgnoreCase) && !pciId.Contains("VEN_8086", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        return ownBytes >= LeastOwnMemory
            ? new Device(name, DeviceKind.Gpu, ownBytes, ownBytes, null)
            // Windows lets a GPU inside the processor have half of the main memory.
            : new Device(name, DeviceKind.IntegratedGpu, memoryBytes / 2, Math.Min(memoryBytes / 2, freeMemoryBytes), null);
    }
}
