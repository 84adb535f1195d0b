using System.Globalization;
using System.Numerics;

namespace ModelOps.Templates;

/// <summary>Decimal digits of doubles, rounded half to even on the exact binary value as C and Python do.</summary>
internal static class NumberFormat
{
    /// <summary><c>x</c> times 10 to the <paramref name="precision"/>, as a whole number.</summary>
    public static BigInteger Scale(double x, int precision)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52 & 0x7FF);
        var mantissa = new BigInteger(bits & 0xFFFFFFFFFFFFF | (exponent == 0 ? 0 : 1L << 52));
        var power = Math.Max(exponent, 1) - 1075;
        BigInteger above = mantissa, below = BigInteger.One;
        if (power > 0)
            above <<= power;
        else
            below <<= -power;
        if (precision >= 0)
            above *= BigInteger.Pow(10, precision);
        else
            below *= BigInteger.Pow(10, -precision);
        var scaled = BigInteger.DivRem(above, below, out var rest);
        var half = (rest * 2).CompareTo(below);
        if (half > 0 || (half == 0 && !scaled.IsEven))
            scaled += 1;
        return x < 0 ? -scaled : scaled;
    }

    /// <summary>Digits without sign: <c>%.2f</c>.</summary>
    public static string Fixed(double x, int precision)
    {
        var digits = Digits(BigInteger.Abs(Scale(x, precision))).PadLeft(precision + 1, '0');
        return precision == 0 ? digits : $"{digits[..^precision]}.{digits[^precision..]}";
    }

    /// <summary>Digits without sign: <c>%.2e</c>.</summary>
    public static string Exponential(double x, int precision)
    {
        var (digits, exponent) = Significant(x, precision + 1);
        return $"{digits[0]}{(precision > 0 ? "." + digits[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    /// <summary>Digits without sign: <c>%.3g</c>.</summary>
    public static string General(double x, int precision)
    {
        precision = Math.Max(precision, 1);
        var (digits, exponent) = Significant(x, precision);
        if (exponent < -4 || exponent >= precision)
        {
            var trimmed = digits.TrimEnd('0');
            return $"{digits[0]}{(trimmed.Length > 1 ? "." + trimmed[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        var text = Fixed(x, precision - 1 - exponent);
        return text.Contains('.') ? text.TrimEnd('0').TrimEnd('.') : text;
    }

    private static (string Digits, int Exponent) Significant(double x, int count)
    {
        if (x == 0)
            return (new string('0', count), 0);
        // The logarithm may be off by one at a power of ten, and rounding may carry into one more digit.
        var exponent = (int)Math.Floor(Math.Log10(Math.Abs(x)));
        var digits = Digits(BigInteger.Abs(Scale(x, count - 1 - exponent)));
        if (digits.Length != count)
        {
            exponent += digits.Length - count;
            digits = Digits(BigInteger.Abs(Scale(x, count - 1 - exponent)));
        }
        return (digits[..count], digits.Length > count ? exponent + 1 : exponent);
    }

    private static string Digits(BigInteger number) => number.ToString(CultureInfo.InvariantCulture);
}
