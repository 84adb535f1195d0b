using System.Globalization;

namespace ModelOps;

/// <summary>Estimated tokens a second for people: with the two digits that an estimate is good for, always with a point.</summary>
public static class TokenRate
{
    /// <summary>A rate with two digits: <c>0.31</c>, <c>8.2</c>, <c>43</c>, <c>1200</c>.</summary>
    public static string Format(double perSecond)
    {
        if (!(perSecond > 0))
        {
            return "0";
        }
        var unit = Math.Pow(10, Math.Floor(Math.Log10(perSecond)) - 1);
        var rounded = Math.Round(perSecond / unit) * unit;
        return rounded.ToString(rounded >= 9.95 ? "0" : rounded >= 0.995 ? "0.0" : "0.00##", CultureInfo.InvariantCulture);
    }

    /// <summary>From the lower to the upper end.</summary>
    public static string Range(SpeedRange speed, string to = "to")
    {
        ArgumentNullException.ThrowIfNull(speed);
        return $"{Format(speed.Low)} {to} {Format(speed.High)}";
    }
}
