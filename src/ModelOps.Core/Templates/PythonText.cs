using System.Globalization;
using System.Text;

namespace ModelOps.Templates;

/// <summary>Texts as Python sees them: made of code points, with its idea of white space, and <c>str()</c> and <c>repr()</c> of values.</summary>
internal static class PythonText
{
    /// <summary>str.isspace; .NET's idea lacks the four information separators.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static bool HasSurrogates(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    public static int Length(string text)
    {
        if (!HasSurrogates(text))
            return text.Length;
        var length = 0;
        for (var i = 0; i < text.Length; i += Width(text, i))
            length++;
        return length;
    }

    private static int Width(string text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    /// <summary>The code points as strings; the budget is the caller's business.</summary>
    public static List<string> CodePoints(string text)
    {
        var points = new List<string>(text.Length);
        for (var i = 0; i < text.Length; i += points[^1].Length)
            points.Add(text.Substring(i, Width(text, i)));
        return points;
    }

    /// <summary>From a UTF-16 index to a code point's.</summary>
    public static int CodePointIndex(string text, int index) => Length(text[..index]);

    /// <summary>The code points from <paramref name="start"/> to <paramref name="end"/>, which count as in Python's slices.</summary>
    public static string Slice(string text, int? start, int? end)
    {
        var length = Length(text);
        var from = Clamp(start ?? 0, length);
        var to = Clamp(end ?? length, length);
        if (from >= to)
            return "";
        if (length == text.Length)
            return text[from..to];
        var start16 = Skip(text, 0, from);
        return text[start16..Skip(text, start16, to - from)];
    }

    private static int Skip(string text, int at, int points)
    {
        for (; points > 0; points--)
            at += Width(text, at);
        return at;
    }

    private static int Clamp(int index, int length) => Math.Clamp(index < 0 ? (int)Math.Max((long)index + length, 0) : index, 0, length);

    /// <summary>Python orders strings by code point; UTF-16 order differs where surrogates meet U+E000 and above.</summary>
    public static int Compare(string left, string right)
    {
        var common = Math.Min(left.Length, right.Length);
        for (var i = 0; i < common; i++)
        {
            char a = left[i], b = right[i];
            if (a == b)
                continue;
            return char.IsSurrogate(a) == char.IsSurrogate(b) ? a - b : char.IsSurrogate(a) ? 1 : -1;
        }
        return left.Length - right.Length;
    }

    /// <summary>repr(float): the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Of(double number)
    {
        if (double.IsNaN(number))
            return "nan";
        if (double.IsInfinity(number))
            return number > 0 ? "inf" : "-inf";
        var shortest = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture);
        var e = shortest.IndexOf('E');
        var mantissa = e < 0 ? shortest : shortest[..e];
        var point = mantissa.Contains('.') ? mantissa.IndexOf('.') : mantissa.Length;
        var digits = mantissa.Replace(".", "");
        var significant = digits.TrimStart('0');
        var exponent = significant.Length == 0 ? 0 : point - 1 - (digits.Length - significant.Length);
        if (e >= 0)
            exponent += int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        significant = significant.TrimEnd('0');
        if (significant.Length == 0)
            significant = "0";
        var sign = double.IsNegative(number) ? "-" : "";
        if (exponent is >= -4 and < 16)
        {
            if (exponent < 0)
                return $"{sign}0.{new string('0', -exponent - 1)}{significant}";
            return significant.Length <= exponent + 1
                ? $"{sign}{significant.PadRight(exponent + 1, '0')}.0"
                : $"{sign}{significant[..(exponent + 1)]}.{significant[(exponent + 1)..]}";
        }
        var fraction = significant.Length > 1 ? $".{significant[1..]}" : "";
        return $"{sign}{significant[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    /// <summary>str().</summary>
    public static string Of(Value value, Budget budget)
    {
        switch (value)
        {
            case StringValue text: return text.Text;
            case UndefinedValue: return "";
        }
        var result = new StringBuilder();
        AppendRepr(result, value, budget);
        budget.Text(result.Length);
        return result.ToString();
    }

    /// <summary>repr().</summary>
    public static string Repr(Value value, Budget budget)
    {
        var result = new StringBuilder();
        AppendRepr(result, value, budget);
        budget.Text(result.Length);
        return result.ToString();
    }

    private static void AppendRepr(StringBuilder to, Value value, Budget budget)
    {
        budget.Enter();
        if (to.Length > budget.Limits.TextLength)
            throw TemplateException.Limit($"{budget.Limits.TextLength} characters in one text");
        switch (value)
        {
            case NoneValue: to.Append("None"); break;
            case UndefinedValue: to.Append("Undefined"); break;
            case BoolValue flag: to.Append(flag.IsTrue ? "True" : "False"); break;
            case IntValue number: to.Append(number.Number.ToString(CultureInfo.InvariantCulture)); break;
            case FloatValue number: to.Append(Of(number.Number)); break;
            case StringValue text: AppendQuoted(to, text.Text); break;
            case SequenceValue { Kind: SequenceKind.Iterator }: to.Append("<generator object>"); break;
            case SequenceValue { Kind: SequenceKind.Range } range: to.Append(range.Prefix); break;
            case SequenceValue sequence: AppendSequence(to, sequence, budget); break;
            case DictValue dict: AppendDict(to, dict, budget); break;
            case NamespaceValue: to.Append("<Namespace>"); break;
            case FunctionValue function: to.Append(CultureInfo.InvariantCulture, $"<function '{function.Name}'>"); break;
            case LoopValue loop: to.Append("<LoopContext>"); break;
        }
        budget.Leave();
    }

    private static void AppendSequence(StringBuilder to, SequenceValue sequence, Budget budget)
    {
        var (open, close) = sequence.Kind switch
        {
            SequenceKind.Tuple => ("(", sequence.Items.Count == 1 ? ",)" : ")"),
            SequenceKind.View => ($"{sequence.Prefix}([", "])"),
            _ => ("[", "]"),
        };
        to.Append(open);
        for (var i = 0; i < sequence.Items.Count; i++)
        {
            if (i > 0)
                to.Append(", ");
            AppendRepr(to, sequence.Items[i], budget);
        }
        to.Append(close);
    }

    private static void AppendDict(StringBuilder to, DictValue dict, Budget budget)
    {
        to.Append('{');
        var isFirst = true;
        foreach (var (key, item) in dict.Items)
        {
            if (!isFirst)
                to.Append(", ");
            isFirst = false;
            AppendRepr(to, key, budget);
            to.Append(": ");
            AppendRepr(to, item, budget);
        }
        to.Append('}');
    }

    private static void AppendQuoted(StringBuilder to, string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        to.Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            switch (c)
            {
                case '\\': to.Append("\\\\"); break;
                case '\n': to.Append("\\n"); break;
                case '\r': to.Append("\\r"); break;
                case '\t': to.Append("\\t"); break;
                case var _ when c == quote: to.Append('\\').Append(c); break;
                case >= ' ' and < '\x7f': to.Append(c); break;
                case var _ when Width(text, i) == 2: AppendPoint(to, text, i++); break;
                default: AppendPoint(to, text, i); break;
            }
        }
        to.Append(quote);
    }

    /// <summary>repr() shows a code point as it is when it is printable.</summary>
    private static void AppendPoint(StringBuilder to, string text, int at)
    {
        var width = Width(text, at);
        var code = width == 2 ? char.ConvertToUtf32(text, at) : text[at];
        var isPrintable = CharUnicodeInfo.GetUnicodeCategory(code) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
        if (isPrintable)
            to.Append(text, at, width);
        else
            to.Append(code < 0x100 ? $"\\x{code:x2}" : code < 0x10000 ? $"\\u{code:x4}" : $"\\U{code:x8}");
    }
}
