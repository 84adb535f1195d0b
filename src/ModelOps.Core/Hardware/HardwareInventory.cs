namespace ModelOps;

/// <summary>Reads what this machine has, without administrator rights.</summary>
public static class HardwareInventory
{
    /// <summary>This machine; <paramref name="storeDirectory"/> tells which disk's free space is wanted.</summary>
    public static Machine Read(string? storeDirectory = null) => throw new NotImplementedException();

    /// <summary>Measures main-memory read bandwidth on all cores, in bytes a second; takes about a tenth of a second.</summary>
    public static double MeasureMemoryBandwidth(CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
