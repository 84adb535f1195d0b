using System.Buffers.Binary;

namespace ModelOps.Hardware;

/// <summary>What Windows' calls and registry give, taken apart; apart from reading them so that it can be tested anywhere.</summary>
internal static class WindowsRecords
{
    private const int RelationProcessorCore = 0;

    /// <summary>Counts SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX records of kind "core": each begins with its kind and its size, 32 bits each.</summary>
    public static int? CountCores(ReadOnlySpan<byte> records)
    {
        var cores = 0;
        while (records.Length >= 8)
        {
            var kind = BinaryPrimitives.ReadInt32LittleEndian(records);
            var size = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
            if (size < 8 || size > records.Length)
            {
                return null;
            }
            cores += kind == RelationProcessorCore ? 1 : 0;
            records = records[size..];
        }
        return cores > 0 ? cores : null;
    }

    /// <summary>A display adapter by its PCI id (<c>PCI\VEN_1002&amp;DEV_744C…</c>); null for vendors that another source knows or that cannot compute.</summary>
    public static Device? Adapter(string name, string pciId, long ownBytes, long memoryBytes, long freeMemoryBytes)
    {
        const long LeastOwnMemory = 3L << 30;
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
