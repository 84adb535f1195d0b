using System.Text;

namespace ModelOps.Templates;

/// <summary>Python's <c>'%s: %05.2f' % (name, number)</c>.</summary>
internal static class PercentFormat
{
    public static string Apply(string format, Value arguments, Budget budget)
    {
        budget.Step(1 + format.Length / 4);
        var positional = arguments is SequenceValue { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [arguments];
        var next = 0;
        var usedNames = arguments is DictValue;
        var text = new StringBuilder();
        Value Next() => next < positional.Count ? positional[next++] : throw new TemplateException("not enough arguments for format string");
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            i++;
            Value? value = null;
            if (i < format.Length && format[i] == '(')
            {
                var close = format.IndexOf(')', i);
                if (close < 0 || arguments is not DictValue dict)
                    throw new TemplateException("format requires a mapping");
                value = dict.Items.TryGetValue(new StringValue(format[(i + 1)..close]), out var named) ? named : throw new TemplateException($"key '{format[(i + 1)..close]}' is missing");
                i = close + 1;
            }
            var specification = ReadSpecification(format, ref i, Next);
            if (specification.Type != '%')
                text.Append(Convert(specification, value ?? Next(), budget));
            else
                text.Append('%');
            if (text.Length > budget.Limits.TextLength)
                throw TemplateException.Limit($"{budget.Limits.TextLength} characters in one text");
        }
        if (next < positional.Count && !usedNames)
            throw new TemplateException("not all arguments converted during string formatting");
        budget.Text(text.Length);
        return text.ToString();
    }

    private static FormatSpecification ReadSpecification(string format, ref int i, Func<Value> next)
    {
        var flags = i;
        while (i < format.Length && "-+ #0".Contains(format[i]))
            i++;
        var given = format.AsSpan(flags, i - flags);
        var width = ReadWidth(format, ref i, next) ?? 0;
        int? precision = null;
        if (i < format.Length && format[i] == '.')
        {
            i++;
            precision = ReadWidth(format, ref i, next) ?? 0;
        }
        if (i >= format.Length)
            throw new TemplateException("incomplete format");
        var type = format[i];
        if (!"sradiufFeEgGxXoc%".Contains(type))
            throw new TemplateException($"unsupported format character '{type}'");
        var isNumber = !"src".Contains(type);
        var isZeroFilled = given.Contains('0') && !given.Contains('-') && isNumber;
        return new FormatSpecification
        {
            Fill = isZeroFilled ? '0' : ' ',
            Align = given.Contains('-') ? '<' : isZeroFilled ? '=' : '>',
            Sign = given.Contains('+') ? '+' : given.Contains(' ') ? ' ' : '\0',
            Alternate = given.Contains('#'),
            Width = width,
            Precision = precision,
            Type = type,
        };
    }

    private static int? ReadWidth(string format, ref int i, Func<Value> next)
    {
        if (i >= format.Length || format[i] != '*')
            return FormatSpecification.ReadNumber(format, ref i);
        i++;
        var digits = Arguments.Number(next(), "%").ToString(System.Globalization.CultureInfo.InvariantCulture);
        var at = 0;
        return FormatSpecification.ReadNumber(digits, ref at) ?? throw new TemplateException("a format's width is negative");
    }

    private static string Convert(FormatSpecification specification, Value value, Budget budget)
    {
        switch (specification.Type)
        {
            case 's':
                return specification.Apply(new StringValue(PythonText.Of(value, budget)), budget);
            case 'r' or 'a':
                return (specification with { Type = 's' }).Apply(new StringValue(PythonText.Repr(value, budget)), budget);
            case 'c' when value is StringValue:
                return (specification with { Type = 's' }).Apply(value, budget);
        }
        if (!Operators.TryNumber(value, out var number))
            throw value is UndefinedValue missing ? missing.Used() : new TemplateException($"%{specification.Type} format: a real number is required, not {value.TypeName}");
        if (specification.Type is not ('d' or 'i' or 'u'))
            return specification.Apply(number, budget);
        var whole = number is FloatValue { Number: var x }
            ? double.IsFinite(x) ? new System.Numerics.BigInteger(Math.Truncate(x)) : throw new TemplateException("cannot convert float to integer")
            : ((IntValue)number).Number;
        return (specification with { Type = 'd', Precision = null }).Apply(new IntValue(whole), budget);
    }
}
