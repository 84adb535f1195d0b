using System.Globalization;

namespace ModelOps.PowerShell;

/// <summary>Fractions for people; public because the format views call it.</summary>
public static class Percentage
{
    /// <summary>Two digits, such as <c>99.99 %</c>; rounded, but never to 100 %, as "exact" is a promise. Empty for null.</summary>
    public static string Format(double? fraction)
    {
        if (fraction is not { } value)
        {
            return "";
        }
        var percent = Math.Round(100 * value, 2);
        return (percent >= 100 && value < 1 ? 99.99 : percent).ToString("0.00", CultureInfo.InvariantCulture) + " %";
    }
}
