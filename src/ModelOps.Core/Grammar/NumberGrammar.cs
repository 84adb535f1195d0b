using System.Globalization;
using System.Numerics;

namespace ModelOps.Grammar;

/// <summary>A bound of a number: <c>Value</c> × 10^−<c>Scale</c>, itself allowed or not.</summary>
internal readonly record struct NumberBound(BigInteger Value, int Scale, bool Inclusive)
{
    // Beyond these no model counts, and digit by digit the grammar would grow.
    private const int MostDigits = 40;

    /// <summary>Reads a JSON number, exactly; null when it has more digits than a grammar should.</summary>
    public static NumberBound? Parse(string json, bool inclusive)
    {
        var exponentAt = json.AsSpan().IndexOfAny('e', 'E');
        var mantissa = exponentAt < 0 ? json.AsSpan() : json.AsSpan(0, exponentAt);
        var exponent = 0;
        if (exponentAt >= 0 && !int.TryParse(json.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            return null;
        var point = mantissa.IndexOf('.');
        var digits = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        var scale = (long)(point < 0 ? 0 : mantissa.Length - point - 1) - exponent;
        if (digits.Length > MostDigits || Math.Abs(scale) > MostDigits)
            return null;
        var value = BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        if (scale < 0)
            return new NumberBound(value * BigInteger.Pow(10, (int)-scale), 0, inclusive);
        while (scale > 0 && value % 10 == 0)
            (value, scale) = (value / 10, scale - 1);
        return new NumberBound(value, (int)scale, inclusive);
    }

    public NumberBound Negated => this with { Value = -Value };

    /// <summary>The whole part of a bound that is not negative, and the digits behind its point.</summary>
    public (BigInteger Whole, string Fraction) Parts()
    {
        var (whole, rest) = BigInteger.DivRem(Value, BigInteger.Pow(10, Scale));
        return (whole, Scale == 0 ? "" : rest.ToString(CultureInfo.InvariantCulture).PadLeft(Scale, '0'));
    }

    /// <summary>The least whole number that this lower bound allows.</summary>
    public BigInteger Ceiling()
    {
        var unit = BigInteger.Pow(10, Scale);
        var floor = BigInteger.DivRem(Value, unit, out var rest);
        if (rest.Sign < 0)
            (floor, rest) = (floor - 1, rest + unit);
        return rest.IsZero && Inclusive ? floor : floor + 1;
    }

    public int CompareTo(NumberBound other) => (Value * BigInteger.Pow(10, other.Scale)).CompareTo(other.Value * BigInteger.Pow(10, Scale));
}

/// <summary>Numbers between bounds, as JSON writes them: digit by digit, without an exponent.</summary>
internal static class NumberGrammar
{
    // What a double holds; a model that writes more digits has lost its way.
    private const int WholeDigits = 16;
    private const int FractionDigits = 16;
    // Numbers of so many digits are told apart by every double; with more, what lies beside a bound may be read as the bound.
    private const int SureDigits = 15;

    private static readonly Expression Digit = Digits('0', '9');

    /// <summary>Whole numbers from <paramref name="least"/> to <paramref name="most"/>, either of which may be missing.</summary>
    public static Expression Integers(NumberBound? least, NumberBound? most)
    {
        BigInteger? low = least?.Ceiling(), high = -most?.Negated.Ceiling();
        List<Expression> alternatives = [];
        if (low is null || low.Value.Sign < 0)
        {
            var nearest = high is { Sign: < 0 } negative ? -negative : BigInteger.One;
            alternatives.Add(Expression.All(Expression.Of("-"), Whole(nearest, -low)));
        }
        if (high is null || high.Value.Sign >= 0)
            alternatives.Add(Whole(BigInteger.Max(low ?? 0, 0), high));
        return Expression.Any([.. alternatives]);
    }

    /// <summary>Numbers from <paramref name="least"/> to <paramref name="most"/> with at most <paramref name="fractionDigits"/> digits behind the point.</summary>
    public static Expression Numbers(NumberBound? least, NumberBound? most, int fractionDigits = FractionDigits)
    {
        fractionDigits = Math.Min(fractionDigits, FractionDigits);
        if (least is null && most is null)
        {
            var exponent = Expression.All(new Character(CharacterSet.Of(('e', 'e'), ('E', 'E'))), Expression.Optional(new Character(CharacterSet.Of(('+', '+'), ('-', '-')))), Expression.Times(Digit, 1, 2));
            return Expression.All(
                Expression.Optional(Expression.Of("-")), Whole(0, null), AnyFraction(fractionDigits), fractionDigits == FractionDigits ? Expression.Optional(exponent) : Expression.Empty);
        }
        var zero = new NumberBound(0, 0, true);
        List<Expression> alternatives = [];
        if (least is null || least.Value.Value.Sign < 0)
        {
            // A negative number is the mirror of a positive one; −0 is left to the other branch.
            var nearest = most is { Value.Sign: < 0 } negative ? negative.Negated : zero with { Inclusive = false };
            alternatives.Add(Expression.All(Expression.Of("-"), Positive(nearest, least?.Negated, fractionDigits)));
        }
        if (most is null || most.Value.Value.Sign >= 0)
            alternatives.Add(Positive(least is { Value.Sign: >= 0 } positive ? positive : zero, most, fractionDigits));
        return Expression.Any([.. alternatives]);
    }

    private static Expression Positive(NumberBound least, NumberBound? most, int fractionDigits)
    {
        if (most is { } bound && bound.CompareTo(least) is var order && (order < 0 || (order == 0 && !(bound.Inclusive && least.Inclusive))))
            return Expression.Nothing;
        var (low, lowFraction) = least.Parts();
        if (most is not { } limit)
        {
            return Expression.Any(
                Expression.All(Whole(low, low), Fraction(low, new(lowFraction, least.Inclusive), null, fractionDigits)),
                Expression.All(Whole(low + 1, null), AnyFraction(fractionDigits)));
        }
        var (high, highFraction) = limit.Parts();
        if (low == high)
            return Expression.All(Whole(low, low), Fraction(low, new(lowFraction, least.Inclusive), new(highFraction, limit.Inclusive), fractionDigits));
        return Expression.Any(
            Expression.All(Whole(low, low), Fraction(low, new(lowFraction, least.Inclusive), null, fractionDigits)),
            Expression.All(Whole(low + 1, high - 1), AnyFraction(fractionDigits)),
            Expression.All(Whole(high, high), Fraction(high, null, new(highFraction, limit.Inclusive), fractionDigits)));
    }

    /// <summary>Whole numbers that are not negative, without leading zeros.</summary>
    private static Expression Whole(BigInteger low, BigInteger? high)
    {
        if (high < low)
            return Expression.Nothing;
        var least = low.ToString(CultureInfo.InvariantCulture);
        var most = high?.ToString(CultureInfo.InvariantCulture) ?? new string('9', Math.Max(WholeDigits, least.Length + 1));
        List<Expression> alternatives = [];
        for (var length = least.Length; length <= most.Length; length++)
        {
            var from = length == least.Length ? least : "1" + new string('0', length - 1);
            var to = length == most.Length ? most : new string('9', length);
            // Lengths that are there whole are one alternative.
            var whole = length;
            while (IsWhole(from, to) && whole < most.Length && (whole + 1 < most.Length || most.All(digit => digit == '9')))
                to = new string('9', ++whole);
            alternatives.Add(whole > length || (IsWhole(from, to) && length > 1)
                ? Expression.All(Digits('1', '9'), Expression.Times(Digit, length - 1, whole - 1))
                : SameLength(from, to));
            length = whole;
        }
        return Expression.Any([.. alternatives]);
    }

    private static bool IsWhole(string from, string to) => from[0] == '1' && from.AsSpan(1).IndexOfAnyExcept('0') < 0 && to.AsSpan().IndexOfAnyExcept('9') < 0;

    private static Expression SameLength(ReadOnlySpan<char> from, ReadOnlySpan<char> to)
    {
        if (from.Length == 0)
            return Expression.Empty;
        var rest = from.Length - 1;
        if (from[0] == to[0])
            return Expression.All(Expression.Of(from[..1].ToString()), SameLength(from[1..], to[1..]));
        List<Expression> alternatives = [];
        char first = from[0], last = to[0];
        if (from[1..].IndexOfAnyExcept('0') >= 0)
        {
            alternatives.Add(Expression.All(Digits(first, first), SameLength(from[1..], new string('9', rest))));
            first++;
        }
        var lastWhole = to[1..].IndexOfAnyExcept('9') < 0;
        if (first <= (lastWhole ? last : last - 1))
            alternatives.Add(Expression.All(Digits(first, lastWhole ? last : (char)(last - 1)), Expression.Times(Digit, rest, rest)));
        if (!lastWhole)
            alternatives.Add(Expression.All(Digits(last, last), SameLength(new string('0', rest), to[1..])));
        return Expression.Any([.. alternatives]);
    }

    /// <summary>Digits behind the point that a bound has, without zeros at the end.</summary>
    private readonly record struct FractionBound(string Digits, bool Inclusive)
    {
        public int At(int index) => index < Digits.Length ? Digits[index] - '0' : 0;

        /// <summary>Whether nothing but zeros follow.</summary>
        public bool Ends(int index) => index >= Digits.Length;
    }

    private static Expression AnyFraction(int most) => most == 0 ? Expression.Empty : Expression.Optional(Expression.All(Expression.Of("."), Expression.Times(Digit, 1, most)));

    private static Expression Fraction(BigInteger whole, FractionBound? low, FractionBound? high, int most)
    {
        if (!whole.IsZero && (low is { Inclusive: false } || high is { Inclusive: false }))
            most = Math.Min(most, Math.Max(0, SureDigits - whole.ToString(CultureInfo.InvariantCulture).Length));
        var digits = Tail(low, high, 0, most);
        // No point at all is a fraction of zero.
        var none = MayEnd(low, high, 0);
        var some = most == 0 || digits is null ? Expression.Nothing : Expression.All(Expression.Of("."), digits);
        return none ? Expression.Optional(some) : some;
    }

    /// <summary>One digit at least, from a place on, with bounds that the digits before agree with; null when there are none.</summary>
    private static Expression? Tail(FractionBound? low, FractionBound? high, int index, int most)
    {
        if (index >= most)
            return null;
        if (low is { Inclusive: true } passed && passed.Ends(index))
            low = null;
        if (low is null && high is null)
            return Expression.Times(Digit, 1, most - index);
        if (low is null && high is { Inclusive: true } reached && reached.Ends(index))
            return Expression.Times(Digits('0', '0'), 1, most - index);
        List<Expression> alternatives = [];
        for (var digit = 0; digit <= 9;)
        {
            var (nextLow, nextHigh) = Next(digit);
            if (digit < (low?.At(index) ?? 0) || digit > (high?.At(index) ?? 9))
            {
                digit++;
                continue;
            }
            var last = digit;
            while (last < 9 && last + 1 <= (high?.At(index) ?? 9) && Next(last + 1) == (nextLow, nextHigh))
                last++;
            var more = Tail(nextLow, nextHigh, index + 1, most);
            var head = Digits((char)('0' + digit), (char)('0' + last));
            if (MayEnd(nextLow, nextHigh, index + 1))
                alternatives.Add(more is null ? head : Expression.All(head, Expression.Optional(more)));
            else if (more is not null)
                alternatives.Add(Expression.All(head, more));
            digit = last + 1;
        }
        return alternatives.Count == 0 ? null : Expression.Any([.. alternatives]);

        (FractionBound?, FractionBound?) Next(int digit) => (low is { } l && digit == l.At(index) ? low : null, high is { } h && digit == h.At(index) ? high : null);
    }

    private static bool MayEnd(FractionBound? low, FractionBound? high, int index)
        => (low is not { } l || (l.Ends(index) && l.Inclusive)) && (high is not { } h || !h.Ends(index) || h.Inclusive);

    private static Expression Digits(char first, char last) => first == last ? Expression.Of(first.ToString()) : new Character(CharacterSet.Of((first, last)));
}
