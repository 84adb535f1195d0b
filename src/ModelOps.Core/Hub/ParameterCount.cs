using System.Globalization;

namespace ModelOps;

/// <summary>Numbers of parameters as people and the hub write them: <c>7B</c>, <c>1.5B</c>, <c>350M</c>.</summary>
public static class ParameterCount
{
    private static readonly (char Unit, decimal Factor)[] Units = [('T', 1e12m), ('B', 1e9m), ('M', 1e6m), ('K', 1e3m)];

    /// <summary>The number that a text stands for, or null when it is none: a count, or a number with K, M, B or T in either case.</summary>
    public static long? TryParse(string text)
    {
        text = text.Trim();
        decimal factor = 1;
        foreach ((char unit, decimal value) in Units)
        {
            if (text.Length > 0 && char.ToUpperInvariant(text[^1]) == unit)
                factor = value;
        }
        string digits = factor == 1 ? text : text[..^1].TrimEnd();
        // Nothing has more than a million billion; the limit also keeps the product within what a long holds.
        return decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) && number <= 1e15m / factor
            ? (long)(number * factor)
            : null;
    }

    /// <summary>The number that a text stands for.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static long Parse(string text) => TryParse(text)
        ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not a number of parameters.", "Write it as 7B, 1.5B, 350M, or a whole number.");

    /// <summary>Without loss, as short as that allows: <c>7B</c>, <c>1.5B</c>, <c>1234567</c>.</summary>
    public static string Format(long count)
    {
        foreach ((char unit, decimal factor) in Units)
        {
            decimal scaled = count / factor;
            if (scaled is >= 1 and < 1000 && decimal.Round(scaled, 3) == scaled)
                return scaled.ToString("0.###", CultureInfo.InvariantCulture) + unit;
        }
        return count.ToString(CultureInfo.InvariantCulture);
    }
}
