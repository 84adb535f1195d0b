using System.Numerics;

namespace ModelOps.Templates;

/// <summary>Python's <c>+ - * / // % **</c>: on numbers, and those that texts and lists know.</summary>
internal sealed class Arithmetic(Budget budget)
{
    public Value Apply(string operation, Value left, Value right)
    {
        if (left is UndefinedValue missing || (missing = (right as UndefinedValue)!) is not null)
        {
            // '%' formats a text with anything, an undefined value too.
            if (operation != "%" || left is not StringValue)
                throw missing.Used();
        }
        if (Operators.TryNumber(left, out var a) && Operators.TryNumber(right, out var b))
            return a is IntValue x && b is IntValue y ? Whole(operation, x.Number, y.Number) : Real(operation, Operators.ToDouble(a), Operators.ToDouble(b));
        return (operation, left, right) switch
        {
            ("+", StringValue x, StringValue y) when x.IsMarkup || y.IsMarkup => JoinEscaped(x, y),
            ("+", StringValue x, StringValue y) => new StringValue(budget.Join(x.Text, y.Text)),
            ("+", SequenceValue x, SequenceValue y) when x.Kind == y.Kind && x.Kind is SequenceKind.List or SequenceKind.Tuple => Join(x, y),
            ("*", StringValue x, _) when Operators.TryNumber(right, out b) && b is IntValue times => new StringValue(budget.Repeat(x.Text, Count(times))),
            ("*", _, StringValue) when Operators.TryNumber(left, out a) && a is IntValue => Apply("*", right, left),
            ("*", SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple } x, _) when Operators.TryNumber(right, out b) && b is IntValue times => Repeat(x, Count(times)),
            ("*", _, SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple }) when Operators.TryNumber(left, out a) && a is IntValue => Apply("*", right, left),
            ("%", StringValue format, _) => new StringValue(PercentFormat.Apply(format.Text, right, budget)),
            _ => throw TemplateException.Operands(operation, left, right),
        };
    }

    public static Value Sign(char sign, Value operand)
    {
        if (operand is UndefinedValue missing)
            throw missing.Used();
        if (!Operators.TryNumber(operand, out var number))
            throw new TemplateException($"bad operand type for unary {sign}: '{operand.TypeName}'");
        return sign == '+' ? number : number is IntValue whole ? new IntValue(-whole.Number) : new FloatValue(-((FloatValue)number).Number);
    }

    private StringValue JoinEscaped(StringValue left, StringValue right)
    {
        // Escaping makes five characters of one at most.
        budget.Text(5L * left.Text.Length + 5L * right.Text.Length);
        return new StringValue(budget.Join(left.EscapedText, right.EscapedText), isMarkup: true);
    }

    private static long Count(IntValue times) => (long)BigInteger.Clamp(times.Number, 0, int.MaxValue);

    private SequenceValue Join(SequenceValue left, SequenceValue right)
    {
        budget.Step((long)left.Items.Count + right.Items.Count);
        return new SequenceValue([.. left.Items, .. right.Items], left.Kind);
    }

    private SequenceValue Repeat(SequenceValue sequence, long times)
    {
        budget.Step(times * sequence.Items.Count);
        var items = new List<Value>();
        for (var i = 0L; i < times && sequence.Items.Count > 0; i++)
            items.AddRange(sequence.Items);
        return new SequenceValue(items, sequence.Kind);
    }

    private Value Whole(string operation, BigInteger left, BigInteger right)
    {
        switch (operation)
        {
            case "+": return Bounded(left + right);
            case "-": return Bounded(left - right);
            case "*": return Bounded(left * right);
            case "**" when right.Sign >= 0:
                // The size is known beforehand; computing first would be the very work that the limit is there to stop.
                if (BigInteger.Abs(left) > 1 && (right > budget.Limits.IntegerBits || left.GetBitLength() * (long)right > budget.Limits.IntegerBits * 2L))
                    throw TooLong();
                // Below two only the exponent's parity and zero count, so a huge one is brought into reach.
                return Bounded(BigInteger.Pow(left, right > budget.Limits.IntegerBits ? 2 + (int)(right % 2) : (int)right));
            case "//" or "%":
                if (right.IsZero)
                    throw new TemplateException("integer division or modulo by zero");
                var quotient = BigInteger.DivRem(left, right, out var remainder);
                // Python rounds down, .NET towards zero.
                var isRounded = !remainder.IsZero && remainder.Sign != right.Sign;
                return Bounded(operation == "//" ? (isRounded ? quotient - 1 : quotient) : isRounded ? remainder + right : remainder);
            case "/" when right.IsZero:
                throw new TemplateException("division by zero");
            default:
                return Real(operation, (double)left, (double)right);
        }
    }

    private IntValue Bounded(BigInteger number)
    {
        var bits = number.GetBitLength();
        budget.Step(bits / 64);
        return bits <= budget.Limits.IntegerBits ? new IntValue(number) : throw TooLong();
    }

    private TemplateException TooLong() => TemplateException.Limit($"{budget.Limits.IntegerBits} bits in an integer");

    private static FloatValue Real(string operation, double left, double right)
    {
        if (operation is "/" or "//" or "%" && right == 0)
            throw new TemplateException(operation == "%" ? "float modulo" : "float division by zero");
        return new FloatValue(operation switch
        {
            "+" => left + right,
            "-" => left - right,
            "*" => left * right,
            "/" => left / right,
            "//" => FloorDivide(left, right),
            "%" => Modulo(left, right),
            "**" when left == 0 && right < 0 => throw new TemplateException("0.0 cannot be raised to a negative power"),
            _ => Math.Pow(left, right),
        });
    }

    private static double Modulo(double left, double right)
    {
        var remainder = left % right;
        return remainder != 0 && remainder < 0 != right < 0 ? remainder + right : remainder;
    }

    private static double FloorDivide(double left, double right)
    {
        // As CPython: dividing what the remainder leaves is exact but for rounding, so the nearest integer is meant.
        var quotient = (left - Modulo(left, right)) / right;
        var floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }
}
