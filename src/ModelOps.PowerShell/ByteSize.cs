using System.Globalization;

namespace ModelOps.PowerShell;

/// <summary>Sizes for people; public because the format views call it.</summary>
public static class ByteSize
{
    /// <summary>A size with three digits and a binary unit, such as <c>4.58 GiB</c>; empty for null.</summary>
    public static string Format(long? bytes) => bytes is { } value ? ModelOps.ByteSize.Format(value) : "";

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
