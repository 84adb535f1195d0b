using System.Globalization;

namespace ModelOps.Cli.Rendering;

/// <summary>Numbers for people: always with a point, whatever the culture.</summary>
internal static class Sizes
{
    /// <summary>Bytes with three digits: <c>512 B</c>, <c>2.17 MiB</c>, <c>17.3 GiB</c>.</summary>
    public static string Bytes(long bytes) => ByteSize.Format(bytes);

    /// <summary>A count: <c>950</c>, <c>3.6 M</c>, <c>27.4 B</c>.</summary>
    public static string Count(long count) => count switch
    {
        >= 1_000_000_000_000 => Scaled(count / 1e12, "T"),
        >= 1_000_000_000 => Scaled(count / 1e9, "B"),
        >= 1_000_000 => Scaled(count / 1e6, "M"),
        >= 10_000 => Scaled(count / 1e3, "k"),
        _ => count.ToString(CultureInfo.InvariantCulture),
    };

    public static string Percent(double fraction, int digits = 1)
        // Rounding must not turn 99.99 % into 100 %: "exact" is a promise.
        => fraction is < 1 and > 0 && Math.Round(fraction * 100, digits) >= 100
            ? $"{(Math.Floor(fraction * 100 * Math.Pow(10, digits)) / Math.Pow(10, digits)).ToString("F" + digits, CultureInfo.InvariantCulture)} %"
            : $"{(fraction * 100).ToString("F" + digits, CultureInfo.InvariantCulture)} %";

    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A rate: <c>7.3</c>, <c>412</c>.</summary>
    public static string Rate(double perSecond) => Number(perSecond, perSecond >= 100 ? "0" : "0.0");

    public static string Seconds(double seconds) => $"{Number(seconds, seconds >= 10 ? "0" : "0.0")} s";

    /// <summary>A time to wait, in two parts at most: <c>45 s</c>, <c>3 min 20 s</c>, <c>2 h 5 min</c>.</summary>
    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 59.5 } => $"{Number(Math.Ceiling(time.TotalSeconds), "0")} s",
        { TotalHours: < 1 } => $"{time.Minutes} min {time.Seconds} s",
        { TotalHours: < 100 } => $"{(int)time.TotalHours} h {time.Minutes} min",
        _ => $"{Number(time.TotalDays, "0")} days",
    };

    private static string Scaled(double value, string unit) => $"{value.ToString(value >= 100 ? "0" : "0.0", CultureInfo.InvariantCulture)} {unit}";
}
