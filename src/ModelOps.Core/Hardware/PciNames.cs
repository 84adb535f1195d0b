namespace ModelOps.Hardware;

/// <summary>Names of PCI devices from the <c>pci.ids</c> list that most distributions carry.</summary>
internal static class PciNames
{
    /// <summary>The name of a device: the marketing name in brackets where there is one (<c>Navi 31 [Radeon RX 7900 XTX]</c>).</summary>
    public static string? Find(string list, int vendor, int device)
    {
        var inVendor = false;
        foreach (var line in list.AsSpan().EnumerateLines())
        {
            if (line.IsEmpty || line[0] == '#')
            {
                continue;
            }
            if (line[0] != '\t')
            {
                if (inVendor)
                {
                    return null;
                }
                inVendor = line.StartsWith($"{vendor:x4}  ", StringComparison.OrdinalIgnoreCase);
            }
            else if (inVendor && line.Length > 7 && line[1] != '\t' && line[1..].StartsWith($"{device:x4}  ", StringComparison.OrdinalIgnoreCase))
            {
                var name = line[7..].Trim();
                var open = name.LastIndexOf('[');
                return open >= 0 && name[^1] == ']' ? name[(open + 1)..^1].ToString() : name.ToString();
            }
        }
        return null;
    }
}
