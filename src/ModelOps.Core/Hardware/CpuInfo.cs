using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>The processor as /proc/cpuinfo tells it: on x86 with names and core ids, on ARM with less.</summary>
internal static class CpuInfo
{
    /// <summary>The processor's name; null where the file has none (most ARM machines).</summary>
    public static string? ProcessorName(string text)
    {
        foreach (var key in (string[])["model name", "cpu model", "Processor", "cpu", "Hardware"])
        {
            if (Fields(text).FirstOrDefault(field => field.Key == key && !IsNumber(field.Value)).Value is { Length: > 0 } name)
            {
                return string.Join(' ', name.Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }
        }
        return null;
    }

    /// <summary>Distinct pairs of package and core; null where the file does not tell them.</summary>
    public static int? PhysicalCores(string text)
    {
        var cores = new HashSet<(int, int)>();
        var package = 0;
        foreach (var (key, value) in Fields(text))
        {
            if (key == "physical id" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                package = id;
            }
            else if (key == "core id" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var core))
            {
                cores.Add((package, core));
            }
        }
        return cores.Count > 0 ? cores.Count : null;
    }

    private static bool IsNumber(string value) => long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static IEnumerable<(string Key, string Value)> Fields(string text)
        => text.Split('\n').Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2).Select(parts => (parts[0].Trim(), parts[1].Trim()));
}
