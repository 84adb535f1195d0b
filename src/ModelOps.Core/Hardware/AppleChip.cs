namespace ModelOps.Hardware;

/// <summary>What is known of Apple's chips by their name: they tell neither bandwidth nor the GPU's share without Metal.</summary>
internal static class AppleChip
{
    /// <summary>Bandwidth of the unified memory in bytes a second; null for a chip that is not in the list.</summary>
    public static double? Bandwidth(string chip) => GraphicsCard.Find(chip)?.Bandwidth;

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
