using System.Numerics;
using System.Runtime.CompilerServices;

namespace ModelOps.Templates;

/// <summary>Python's operators on values: truth, equality, order, membership, arithmetic. They pay for what they touch.</summary>
internal sealed class Operators(Budget budget) : IEqualityComparer<Value>
{
    public static bool IsTrue(Value value) => value switch
    {
        NoneValue or UndefinedValue => false,
        BoolValue flag => flag.IsTrue,
        IntValue number => !number.Number.IsZero,
        FloatValue number => number.Number != 0,
        StringValue text => text.Text.Length > 0,
        SequenceValue { Kind: SequenceKind.Iterator } => true,
        SequenceValue sequence => sequence.Items.Count > 0,
        DictValue dict => dict.Items.Count > 0,
        _ => true,
    };

    /// <summary>The items of one walk over a value, as <c>for</c> and most filters take it.</summary>
    public List<Value> Iterate(Value value)
    {
        List<Value> items;
        switch (value)
        {
            case UndefinedValue:
                return [];
            case StringValue text:
                budget.Step(text.Text.Length);
                return PythonText.CodePoints(text.Text).ConvertAll<Value>(p => new StringValue(p));
            case SequenceValue sequence:
                items = sequence.Walk();
                budget.Step(items.Count);
                // A copy, since the body of a loop may append to the very list it walks.
                return [.. items];
            case DictValue dict:
                budget.Step(dict.Items.Count);
                return [.. dict.Items.Keys];
            default:
                throw new TemplateException($"'{value.TypeName}' object is not iterable");
        }
    }

    public Value Length(Value value) => value switch
    {
        StringValue text => new IntValue(PythonText.Length(text.Text)),
        SequenceValue { Kind: not SequenceKind.Iterator } sequence => new IntValue(sequence.Items.Count),
        DictValue dict => new IntValue(dict.Items.Count),
        UndefinedValue => new IntValue(0),
        LoopValue loop => loop.Find("length")!,
        _ => throw new TemplateException($"object of type '{value.TypeName}' has no len()"),
    };

    public bool AreEqual(Value left, Value right)
    {
        budget.Enter();
        var result = (left, right) switch
        {
            (StringValue a, StringValue b) => a.Text.Length == b.Text.Length && AreEqual(a.Text, b.Text),
            (UndefinedValue, UndefinedValue) => true,
            (SequenceValue a, SequenceValue b) => ReferenceEquals(a, b) || (a.Kind == b.Kind && a.Kind != SequenceKind.Iterator && AreEqual(a.Items, b.Items)),
            (DictValue a, DictValue b) => ReferenceEquals(a, b) || AreEqual(a, b),
            _ when TryNumber(left, out var a) && TryNumber(right, out var b) => CompareNumbers(a, b) == 0,
            _ => ReferenceEquals(left, right),
        };
        budget.Leave();
        return result;
    }

    private bool AreEqual(string left, string right)
    {
        budget.Touch(left);
        return left == right;
    }

    private bool AreEqual(List<Value> left, List<Value> right)
    {
        if (left.Count != right.Count)
            return false;
        for (var i = 0; i < left.Count; i++)
        {
            if (!AreEqual(left[i], right[i]))
                return false;
        }
        return true;
    }

    private bool AreEqual(DictValue left, DictValue right)
    {
        if (left.Items.Count != right.Items.Count)
            return false;
        foreach (var (key, item) in left.Items)
        {
            if (!right.Items.TryGetValue(key, out var other) || !AreEqual(item, other))
                return false;
        }
        return true;
    }

    /// <summary>Less than zero, zero, more than zero; null when one is not a number (nan).</summary>
    public int? Compare(Value left, Value right, string operation)
    {
        if (left is UndefinedValue missing || (missing = (right as UndefinedValue)!) is not null)
            throw missing.Used();
        if (TryNumber(left, out var a) && TryNumber(right, out var b))
            return CompareNumbers(a, b);
        if (left is StringValue text && right is StringValue other)
        {
            budget.Step(1 + Math.Min(text.Text.Length, other.Text.Length) / 64);
            return PythonText.Compare(text.Text, other.Text);
        }
        if (left is SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple } x && right is SequenceValue y && x.Kind == y.Kind)
            return CompareItems(x.Items, y.Items, operation);
        throw new TemplateException($"'{operation}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'");
    }

    private int? CompareItems(List<Value> left, List<Value> right, string operation)
    {
        budget.Enter();
        for (var i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (AreEqual(left[i], right[i]))
                continue;
            var result = Compare(left[i], right[i], operation);
            budget.Leave();
            return result;
        }
        budget.Leave();
        return left.Count - right.Count;
    }

    private static int? CompareNumbers(Value left, Value right)
    {
        if (left is IntValue a && right is IntValue b)
            return a.Number.CompareTo(b.Number);
        double x = ToDouble(left), y = ToDouble(right);
        return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
    }

    public bool Contains(Value container, Value item)
    {
        switch (container)
        {
            case StringValue text:
                if (item is UndefinedValue or not StringValue)
                    throw new TemplateException($"'in <string>' requires string as left operand, not {item.TypeName}");
                var wanted = ((StringValue)item).Text;
                budget.Search(text.Text, wanted);
                return text.Text.Contains(wanted, StringComparison.Ordinal);
            case DictValue dict:
                return dict.Items.ContainsKey(item);
            case SequenceValue sequence:
                foreach (var candidate in sequence.Walk())
                {
                    if (AreEqual(candidate, item))
                        return true;
                }
                return false;
            case UndefinedValue:
                return false;
            default:
                throw new TemplateException($"argument of type '{container.TypeName}' is not iterable");
        }
    }

    /// <summary>A bool is a number too: it is given out as 0 or 1.</summary>
    public static bool TryNumber(Value value, out Value number)
    {
        number = value is BoolValue flag ? new IntValue(flag.IsTrue ? 1 : 0) : value;
        return number is IntValue or FloatValue;
    }

    public static double ToDouble(Value number) => number is IntValue whole ? (double)whole.Number : ((FloatValue)number).Number;

    bool IEqualityComparer<Value>.Equals(Value? x, Value? y) => AreEqual(x!, y!);

    int IEqualityComparer<Value>.GetHashCode(Value value)
    {
        budget.Enter();
        var hash = value switch
        {
            StringValue text => Hash(text.Text),
            FloatValue number when Math.Floor(number.Number) == number.Number && double.IsFinite(number.Number) => new BigInteger(number.Number).GetHashCode(),
            FloatValue number => number.Number.GetHashCode(),
            BoolValue flag => new BigInteger(flag.IsTrue ? 1 : 0).GetHashCode(),
            IntValue number => Hash(number.Number),
            UndefinedValue => 0,
            SequenceValue { Kind: SequenceKind.Tuple } tuple => tuple.Items.Aggregate(17, (sum, item) => HashCode.Combine(sum, ((IEqualityComparer<Value>)this).GetHashCode(item))),
            SequenceValue { Kind: SequenceKind.List } or DictValue => throw new TemplateException($"unhashable type: '{value.TypeName}'"),
            _ => RuntimeHelpers.GetHashCode(value),
        };
        budget.Leave();
        return hash;
    }

    private int Hash(string text)
    {
        budget.Touch(text);
        return text.GetHashCode();
    }

    private int Hash(BigInteger number)
    {
        budget.Step(number.GetBitLength() / 64);
        return number.GetHashCode();
    }
}
