using System.Globalization;

namespace ModelOps.PowerShell;

/// <summary>Sizes for people; public because the format views call it.</summary>
public static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>A size with three significant digits and a binary unit, such as <c>4.58 GiB</c>; empty for null.</summary>
    public static string Format(long? bytes)
    {
        if (bytes is not { } value)
        {
            return "";
        }
        var size = (double)value;
        var unit = 0;
        // 999.5 rounds to 1000, a fourth digit.
        while (Math.Abs(size) >= 999.5 && unit < Units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        var digits = unit == 0 || Math.Abs(size) >= 99.95 ? "0" : Math.Abs(size) >= 9.995 ? "0.0" : "0.00";
        return size.ToString(digits, CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    /// <summary>A number of weights, such as <c>7.24 B</c>.</summary>
    public static string Count(long? count) => count switch
    {
        null => "",
        >= 1_000_000_000 => (count.Value / 1e9).ToString("0.00", CultureInfo.InvariantCulture) + " B",
        >= 1_000_000 => (count.Value / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " M",
        >= 1_000 => (count.Value / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " K",
        _ => count.Value.ToString(CultureInfo.InvariantCulture),
    };
}
