namespace ModelOps.Hardware;

/// <summary>What is known of Apple's chips by their name: they tell neither bandwidth nor the GPU's share without Metal.</summary>
internal static class AppleChip
{
    // Bytes a second in units of 10^9, by Apple's specifications; of chips sold in two widths the narrower.
    private static readonly Dictionary<string, double> Bandwidths = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Apple M1"] = 68,
        ["Apple M1 Pro"] = 200,
        ["Apple M1 Max"] = 400,
        ["Apple M1 Ultra"] = 800,
        ["Apple M2"] = 100,
        ["Apple M2 Pro"] = 200,
        ["Apple M2 Max"] = 400,
        ["Apple M2 Ultra"] = 800,
        ["Apple M3"] = 100,
        ["Apple M3 Pro"] = 150,
        ["Apple M3 Max"] = 300,
        ["Apple M3 Ultra"] = 819,
        ["Apple M4"] = 120,
        ["Apple M4 Pro"] = 273,
        ["Apple M4 Max"] = 410,
        ["Apple M5"] = 153,
    };

    /// <summary>Bandwidth of the unified memory in bytes a second; null for a chip that is not in the list.</summary>
    public static double? Bandwidth(string chip) => Bandwidths.TryGetValue(chip.Trim(), out var value) ? value * 1e9 : null;

    /// <summary>The GPU: it may wire a share of the unified memory, unless the user has set a limit (sysctl iogpu.wired_limit_mb, 0: not set).</summary>
    public static Device Gpu(string chip, long memoryBytes, long freeMemoryBytes, long wiredLimitMegabytes)
    {
        const long SmallMemory = 36L << 30;
        var share = wiredLimitMegabytes > 0
            ? Math.Min(memoryBytes, wiredLimitMegabytes << 20)
            : memoryBytes <= SmallMemory ? memoryBytes / 3 * 2 : memoryBytes / 4 * 3;
        return new Device($"{chip} GPU", DeviceKind.IntegratedGpu, share, Math.Min(share, freeMemoryBytes), Bandwidth(chip));
    }
}
