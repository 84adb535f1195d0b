namespace ModelOps.Hardware;

/// <summary>AMD and Intel GPUs on Linux, from sysfs. NVIDIA's driver shows nothing of use there; <see cref="NvidiaManagement"/> knows them.</summary>
internal sealed class LinuxGraphics(string root)
{
    private const long Amd = 0x1002, Intel = 0x8086;

    // Below this it is the carve-out of a GPU inside the processor, whose real pool is the GTT: main memory.
    private const long LeastOwnMemory = 3L << 30;

    /// <param name="memoryBytes">Main memory, for GPUs that share it.</param>
    /// <param name="freeMemoryBytes">Free main memory.</param>
    public IReadOnlyList<Device> Read(long memoryBytes, long freeMemoryBytes)
    {
        var devices = new List<Device>();
        foreach (var card in SystemFile.Numbered(Path.Combine(root, "sys/class/drm"), "card"))
        {
            var folder = Path.Combine(card, "device");
            var device = SystemFile.ReadNumber(Path.Combine(folder, "vendor")) switch
            {
                Amd => ReadAmd(card, folder, freeMemoryBytes),
                Intel => ReadIntel(card, folder, memoryBytes, freeMemoryBytes),
                _ => null,
            };
            if (device is not null)
            {
                devices.Add(device);
            }
        }
        return devices;
    }

    private Device? ReadAmd(string card, string folder, long freeMemoryBytes)
    {
        if (SystemFile.ReadNumber(Path.Combine(folder, "mem_info_vram_total")) is not { } total)
        {
            return null;
        }
        var free = Math.Max(0, total - (SystemFile.ReadNumber(Path.Combine(folder, "mem_info_vram_used")) ?? 0));
        var name = Name(folder, "AMD GPU");
        if (total >= LeastOwnMemory)
        {
            var device = new Device(name, DeviceKind.Gpu, total, free);
            return device with { BandwidthBytesPerSecond = new AmdTopology(root).Bandwidth(card, device.Family) };
        }
        var shared = SystemFile.ReadNumber(Path.Combine(folder, "mem_info_gtt_total")) ?? 0;
        var sharedFree = Math.Min(freeMemoryBytes, Math.Max(0, shared - (SystemFile.ReadNumber(Path.Combine(folder, "mem_info_gtt_used")) ?? 0)));
        return new Device(name, DeviceKind.IntegratedGpu, total + shared, free + sharedFree, null);
    }

    private Device ReadIntel(string card, string folder, long memoryBytes, long freeMemoryBytes)
    {
        // The xe driver tells it by tile, i915 by card; neither file is there for a GPU inside the processor.
        var own = SystemFile.Numbered(folder, "tile").Sum(tile => SystemFile.ReadNumber(Path.Combine(tile, "physical_vram_size_bytes")) ?? 0);
        if (own == 0)
        {
            own = SystemFile.ReadNumber(Path.Combine(card, "lmem_total_bytes")) ?? 0;
        }
        var name = Name(folder, "Intel GPU");
        if (own > 0)
        {
            var free = SystemFile.ReadNumber(Path.Combine(card, "lmem_avail_bytes")) ?? own;
            return new Device(name, DeviceKind.Gpu, own, Math.Min(own, free), null);
        }
        // The driver lets such a GPU have half of the main memory.
        return new Device(name, DeviceKind.IntegratedGpu, memoryBytes / 2, Math.Min(memoryBytes / 2, freeMemoryBytes), null);
    }

    private string Name(string folder, string fallback)
    {
        if (SystemFile.Read(Path.Combine(folder, "product_name"))?.Trim() is { Length: > 0 } product)
        {
            return product;
        }
        if (SystemFile.ReadNumber(Path.Combine(folder, "vendor")) is not { } vendor || SystemFile.ReadNumber(Path.Combine(folder, "device")) is not { } id)
        {
            return fallback;
        }
        foreach (var path in (string[])["usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids"])
        {
            if (SystemFile.Read(Path.Combine(root, path)) is { } list && PciNames.Find(list, (int)vendor, (int)id) is { } found)
            {
                return $"{fallback.Split(' ')[0]} {found}";
            }
        }
        return $"{fallback} {id:x4}";
    }
}
