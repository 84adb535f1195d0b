using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>Main memory as /proc/meminfo tells it.</summary>
/// <param name="TotalBytes">MemTotal.</param>
/// <param name="AvailableBytes">MemAvailable: what can be had without swapping, the reclaimable page cache included.</param>
internal sealed record MemoryInfo(long TotalBytes, long AvailableBytes)
{
    /// <summary>Parses /proc/meminfo; null when it has no total.</summary>
    public static MemoryInfo? Parse(string text)
    {
        var fields = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            // "MemTotal:       16384000 kB"
            var colon = line.IndexOf(':');
            if (colon > 0 && long.TryParse(line[(colon + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes))
            {
                fields[line[..colon]] = kibibytes * 1024;
            }
        }
        if (!fields.TryGetValue("MemTotal", out var total))
        {
            return null;
        }
        // Kernels before 3.14, and some sandboxes, have no MemAvailable.
        var available = fields.TryGetValue("MemAvailable", out var given)
            ? given
            : fields.GetValueOrDefault("MemFree") + fields.GetValueOrDefault("Buffers") + fields.GetValueOrDefault("Cached");
        return new MemoryInfo(total, Math.Min(available, total));
    }
}
