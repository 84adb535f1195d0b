using System.Globalization;

namespace ModelOps;

/// <summary>Sizes for people, in messages and tables alike: always with a point, whatever the culture.</summary>
public static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>A size with three digits and a binary unit, such as <c>512 B</c>, <c>2.17 MiB</c>, <c>17.3 GiB</c>.</summary>
    public static string Format(long bytes)
    {
        var size = (double)bytes;
        var unit = 0;
        // 999.5 rounds to 1000, a fourth digit.
        while (Math.Abs(size) >= 999.5 && unit < Units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        var digits = unit == 0 || Math.Abs(size) >= 99.95 ? "0" : Math.Abs(size) >= 9.995 ? "0.0" : "0.00";
        return $"{size.ToString(digits, CultureInfo.InvariantCulture)} {Units[unit]}";
    }
}
