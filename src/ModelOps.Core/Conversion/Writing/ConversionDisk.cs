using ModelOps.Hardware;

namespace ModelOps.Conversion;

/// <summary>What a conversion asks of the disk that it writes to; tests put one that is full or fails in its place.</summary>
internal sealed record ConversionDisk
{
    /// <summary>Free bytes in a folder; null when the system does not say.</summary>
    public Func<string, long?> FreeBytes { get; init; } = DiskSpace.Free;

    /// <summary>Writes to an output file.</summary>
    public WriteAt Write { get; init; } = RandomAccess.Write;
}
