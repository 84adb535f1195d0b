using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>Memory bandwidth of AMD GPUs from the compute driver's topology (KFD): the bus's width and the memory's clock.</summary>
internal sealed class AmdTopology(string root)
{
    /// <summary>Bytes a second of a card (<c>/sys/class/drm/cardN</c>); null where the driver does not tell, or the kind of memory is not known.</summary>
    public double? Bandwidth(string card, DeviceFamily family)
    {
        foreach (var node in SystemFile.Numbered(Path.Combine(root, "sys/class/kfd/kfd/topology/nodes"), ""))
        {
            // The processor is a node as well, with no minor number for rendering.
            var minor = Property(Path.Combine(node, "properties"), "drm_render_minor");
            if (minor is not > 0 || !Directory.Exists(Path.Combine(card, $"device/drm/renderD{minor}")))
            {
                continue;
            }
            return SystemFile.Numbered(Path.Combine(node, "mem_banks"), "")
                .Select(bank => Bandwidth(Property(Path.Combine(bank, "properties"), "width"), Property(Path.Combine(bank, "properties"), "mem_clk_max"), family))
                .FirstOrDefault(rate => rate is not null);
        }
        return null;
    }

    /// <summary>
    /// Bits of the bus, times the clock in MHz, times the transfers that the kind of memory makes in a clock as the driver counts it: GDDR6 sixteen (RX 7900 XTX:
    /// 384 bits, 1249 MHz, 960 GB/s), HBM2 two (MI210: 4096 bits, 1600 MHz, 1638 GB/s), HBM3 four (MI300X: 8192 bits, 1300 MHz, 5.3 TB/s).
    /// </summary>
    internal static double? Bandwidth(long? width, long? megahertz, DeviceFamily family)
    {
        const int HbmWidth = 2048, Hbm3Width = 8192;
        int? transfers = family switch
        {
            _ when width >= Hbm3Width => 4,
            _ when width >= HbmWidth => 2,
            DeviceFamily.AmdRdna1 or DeviceFamily.AmdRdna2 or DeviceFamily.AmdRdna3 or DeviceFamily.AmdRdna4 => 16,
            _ => null,
        };
        return width > 0 && megahertz > 0 && transfers is { } perClock ? width.Value / 8.0 * megahertz.Value * 1e6 * perClock : null;
    }

    private static long? Property(string file, string name)
        => SystemFile.Read(file)?.Split('\n').Select(line => line.Split(' ', 2)).Where(parts => parts.Length == 2 && parts[0] == name)
            .Select(parts => long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : (long?)null).FirstOrDefault();
}
