using System.Globalization;

namespace ModelOps.Fit;

/// <summary>Figures as sentences have them: always with a point, whatever the culture.</summary>
internal static class Text
{
    public static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / (double)(1 << 20)):0} MiB");

    /// <summary>Bytes with three digits, for formulas: <c>512 bytes</c>, <c>2.17 MiB</c>, <c>17.3 GiB</c>.</summary>
    public static string Bytes(long bytes) => Math.Abs(bytes) < 1000 ? $"{bytes.ToString(CultureInfo.InvariantCulture)} bytes" : ByteSize.Format(bytes);
}
