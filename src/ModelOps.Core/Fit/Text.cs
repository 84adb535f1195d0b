using System.Globalization;

namespace ModelOps.Fit;

/// <summary>Figures as sentences have them: always with a point, whatever the culture.</summary>
internal static class Text
{
    private static readonly string[] Units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

    public static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / (double)(1 << 20)):0} MiB");

    /// <summary>Bytes with three digits, for formulas: <c>512 bytes</c>, <c>2.17 MiB</c>, <c>17.3 GiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        double value = bytes;
        var unit = 0;
        // 999.5 rounds to 1000, a fourth digit.
        while (Math.Abs(value) >= 999.5 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }
        var format = unit == 0 || Math.Abs(value) >= 99.95 ? "0" : Math.Abs(value) >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {Units[unit]}";
    }
}
