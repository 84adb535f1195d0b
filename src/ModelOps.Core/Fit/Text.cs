using System.Globalization;

namespace ModelOps.Fit;

/// <summary>Figures as the advice's sentences have them.</summary>
internal static class Text
{
    public static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    public static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / (double)(1 << 20)):0} MiB");
}
