using System.Buffers;
using System.Globalization;
using System.Text;

namespace ModelOps.Templates;

/// <summary>Methods of Python's str.</summary>
internal static class StringMethods
{
    public delegate Value Method(Interpreter interpreter, string text, Arguments arguments);

    public static Dictionary<string, Method> All { get; } = new(StringComparer.Ordinal)
    {
        ["upper"] = (i, s, _) => Made(i, s.ToUpperInvariant()),
        ["lower"] = (i, s, _) => Made(i, s.ToLowerInvariant()),
        ["casefold"] = (i, s, _) => Made(i, s.ToLowerInvariant()),
        ["title"] = (i, s, _) => Made(i, Title(s)),
        ["capitalize"] = (i, s, _) => Made(i, Capitalize(s)),
        ["swapcase"] = (i, s, _) => Made(i, string.Concat(s.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c)))),
        ["strip"] = (i, s, a) => Made(i, Strip(s, Characters(a, "strip"), left: true, right: true)),
        ["lstrip"] = (i, s, a) => Made(i, Strip(s, Characters(a, "lstrip"), left: true, right: false)),
        ["rstrip"] = (i, s, a) => Made(i, Strip(s, Characters(a, "rstrip"), left: false, right: true)),
        ["removeprefix"] = (i, s, a) => Arguments.Text(a.Bind("removeprefix", "prefix*")[0], "removeprefix") is var p && s.StartsWith(p, StringComparison.Ordinal) ? Made(i, s[p.Length..]) : new StringValue(s),
        ["removesuffix"] = (i, s, a) => Arguments.Text(a.Bind("removesuffix", "suffix*")[0], "removesuffix") is var p && s.EndsWith(p, StringComparison.Ordinal) ? Made(i, s[..^p.Length]) : new StringValue(s),
        ["split"] = (i, s, a) => a.Bind("split", "sep", "maxsplit") is var b ? Split(i, s, b[0], Arguments.Number(b[1], "split", -1), fromRight: false) : NoneValue.Instance,
        ["rsplit"] = (i, s, a) => a.Bind("rsplit", "sep", "maxsplit") is var b ? Split(i, s, b[0], Arguments.Number(b[1], "rsplit", -1), fromRight: true) : NoneValue.Instance,
        ["splitlines"] = (i, s, a) => Texts(i, s, Lines(s, a.Bind("splitlines", "keepends")[0] is { } keep && Operators.IsTrue(keep))),
        ["partition"] = (i, s, a) => Partition(i, s, Arguments.Text(a.Bind("partition", "sep*")[0], "partition"), fromRight: false),
        ["rpartition"] = (i, s, a) => Partition(i, s, Arguments.Text(a.Bind("rpartition", "sep*")[0], "rpartition"), fromRight: true),
        ["replace"] = (i, s, a) => a.Bind("replace", "old*", "new*", "count") is var b
            ? new StringValue(Replace(i.Budget, s, Arguments.Text(b[0], "replace"), Arguments.Text(b[1], "replace"), Arguments.Number(b[2], "replace", -1))) : NoneValue.Instance,
        ["join"] = (i, s, a) => new StringValue(Join(i.Budget, s, i.Operators.Iterate(a.Bind("join", "items*")[0]!).ConvertAll(v => Arguments.Text(v, "join")))),
        ["startswith"] = (i, s, a) => Affix(i, s, a, "startswith", static (text, affix) => text.StartsWith(affix, StringComparison.Ordinal)),
        ["endswith"] = (i, s, a) => Affix(i, s, a, "endswith", static (text, affix) => text.EndsWith(affix, StringComparison.Ordinal)),
        ["find"] = (i, s, a) => new IntValue(Find(i, s, a, "find", last: false)),
        ["rfind"] = (i, s, a) => new IntValue(Find(i, s, a, "rfind", last: true)),
        ["index"] = (i, s, a) => Find(i, s, a, "index", last: false) is >= 0 and var at ? new IntValue(at) : throw new TemplateException("substring not found"),
        ["rindex"] = (i, s, a) => Find(i, s, a, "rindex", last: true) is >= 0 and var at ? new IntValue(at) : throw new TemplateException("substring not found"),
        ["count"] = (i, s, a) => new IntValue(Count(i.Budget, s, Arguments.Text(a.Bind("count", "sub*")[0], "count"))),
        ["format"] = (i, s, a) => new StringValue(BraceFormat.Apply(s, i, a)),
        ["center"] = (i, s, a) => Pad(i, s, a, "center"),
        ["ljust"] = (i, s, a) => Pad(i, s, a, "ljust"),
        ["rjust"] = (i, s, a) => Pad(i, s, a, "rjust"),
        ["zfill"] = (i, s, a) => new StringValue(ZeroFill(i, s, Arguments.Number(a.Bind("zfill", "width*")[0], "zfill"))),
        ["isdigit"] = (_, s, _) => OfAll(s, char.IsDigit),
        ["isdecimal"] = (_, s, _) => OfAll(s, char.IsDigit),
        ["isnumeric"] = (_, s, _) => OfAll(s, char.IsNumber),
        ["isalpha"] = (_, s, _) => OfAll(s, char.IsLetter),
        ["isalnum"] = (_, s, _) => OfAll(s, c => char.IsLetter(c) || char.IsNumber(c)),
        ["isspace"] = (_, s, _) => OfAll(s, PythonText.IsSpace),
        ["isascii"] = (_, s, _) => BoolValue.Of(s.All(char.IsAscii)),
        ["isupper"] = (_, s, _) => BoolValue.Of(IsUpper(s)),
        ["islower"] = (_, s, _) => BoolValue.Of(IsLower(s)),
    };

    private static StringValue Made(Interpreter interpreter, string text)
    {
        interpreter.Budget.Text(text.Length);
        return new StringValue(text);
    }

    /// <summary>str.isupper: a capital, and no small letter.</summary>
    public static bool IsUpper(string text) => text.Any(char.IsUpper) && !text.Any(char.IsLower);

    /// <summary>str.islower.</summary>
    public static bool IsLower(string text) => text.Any(char.IsLower) && !text.Any(char.IsUpper);

    private static int Count(Budget budget, string text, string wanted)
    {
        budget.Search(text, wanted);
        return wanted.Length > 0 ? text.AsSpan().Count(wanted) : PythonText.Length(text) + 1;
    }

    private static BoolValue OfAll(string text, Func<char, bool> test) => BoolValue.Of(text.Length > 0 && text.All(test));

    private static string? Characters(Arguments arguments, string method) => arguments.Bind(method, "chars")[0] is { } chars and not NoneValue ? Arguments.Text(chars, method) : null;

    public static string Strip(string text, string? characters, bool left, bool right)
    {
        // Not by Contains: two long texts would take their product.
        var given = characters is null ? null : SearchValues.Create(characters);
        bool Goes(char c) => given is null ? PythonText.IsSpace(c) : given.Contains(c);
        var (from, to) = (0, text.Length);
        while (left && from < to && Goes(text[from]))
            from++;
        while (right && from < to && Goes(text[to - 1]))
            to--;
        return text[from..to];
    }

    public static string Capitalize(string text) => text.Length == 0 ? "" : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    /// <summary>str.title: a letter after anything that is no letter is upper case.</summary>
    private static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        var inWord = false;
        foreach (var c in text)
        {
            title.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c);
        }
        return title.ToString();
    }

    private static SequenceValue Texts(Interpreter interpreter, string text, List<string> parts)
    {
        interpreter.Budget.Text(text.Length);
        interpreter.Budget.Step(parts.Count);
        return SequenceValue.List(parts.ConvertAll<Value>(p => new StringValue(p)));
    }

    private static SequenceValue Split(Interpreter interpreter, string text, Value? separator, int most, bool fromRight)
    {
        if (most < 0)
            most = int.MaxValue;
        // Before the parts exist: a text may be all separators.
        interpreter.Budget.Step(separator is StringValue { Text.Length: > 0 } s ? Count(interpreter.Budget, text, s.Text) : text.Length / 4);
        if (separator is null or NoneValue)
            return Texts(interpreter, text, SplitAtSpace(text, most, fromRight));
        var by = Arguments.Text(separator, "split");
        if (by.Length == 0)
            throw new TemplateException("empty separator");
        if (most == int.MaxValue)
            return Texts(interpreter, text, [.. text.Split(by)]);
        var parts = new List<string>();
        while (parts.Count < most && (fromRight ? text.LastIndexOf(by, StringComparison.Ordinal) : text.IndexOf(by, StringComparison.Ordinal)) is >= 0 and var at)
        {
            parts.Add(fromRight ? text[(at + by.Length)..] : text[..at]);
            interpreter.Budget.Text(text.Length);
            interpreter.Budget.Search(text, by);
            text = fromRight ? text[..at] : text[(at + by.Length)..];
        }
        parts.Add(text);
        if (fromRight)
            parts.Reverse();
        return Texts(interpreter, text, parts);
    }

    private static List<string> SplitAtSpace(string text, int most, bool fromRight)
    {
        var parts = new List<string>();
        var (from, to) = (0, text.Length);
        while (true)
        {
            while (from < to && PythonText.IsSpace(text[from]))
                from++;
            while (from < to && fromRight && PythonText.IsSpace(text[to - 1]))
                to--;
            if (from == to)
                break;
            if (parts.Count == most)
            {
                parts.Add(fromRight ? text[..to] : text[from..]);
                break;
            }
            var at = fromRight ? to : from;
            if (fromRight)
            {
                while (at > from && !PythonText.IsSpace(text[at - 1]))
                    at--;
                parts.Add(text[at..to]);
                to = at;
            }
            else
            {
                while (at < to && !PythonText.IsSpace(text[at]))
                    at++;
                parts.Add(text[from..at]);
                from = at;
            }
        }
        if (fromRight)
            parts.Reverse();
        return parts;
    }

    /// <summary>str.splitlines.</summary>
    public static List<string> Lines(string text, bool keepsEnds)
    {
        var lines = new List<string>();
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029'))
                continue;
            var end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n')
                i++;
            lines.Add(text[start..(keepsEnds ? i + 1 : end)]);
            start = i + 1;
        }
        if (start < text.Length)
            lines.Add(text[start..]);
        return lines;
    }

    private static SequenceValue Partition(Interpreter interpreter, string text, string separator, bool fromRight)
    {
        if (separator.Length == 0)
            throw new TemplateException("empty separator");
        interpreter.Budget.Text(text.Length);
        interpreter.Budget.Search(text, separator);
        var at = fromRight ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0)
            return fromRight ? SequenceValue.Tuple(StringValue.Empty, StringValue.Empty, new StringValue(text)) : SequenceValue.Tuple(new StringValue(text), StringValue.Empty, StringValue.Empty);
        return SequenceValue.Tuple(new StringValue(text[..at]), new StringValue(separator), new StringValue(text[(at + separator.Length)..]));
    }

    public static string Replace(Budget budget, string text, string old, string replacement, int most)
    {
        if (most < 0)
            most = int.MaxValue;
        budget.Step(1 + text.Length / 16);
        if (old.Length == 0)
        {
            budget.Step(text.Length);
            // An empty pattern is found before every code point and at the end.
            var points = PythonText.CodePoints(text);
            budget.Text(text.Length + Math.Min((long)most, points.Count + 1) * replacement.Length);
            var spread = new StringBuilder();
            for (var i = 0; i <= points.Count; i++)
                spread.Append(i < most ? replacement : "").Append(i < points.Count ? points[i] : "");
            return spread.ToString();
        }
        var count = Math.Min(Count(budget, text, old), most);
        budget.Text(text.Length + (long)count * (replacement.Length - old.Length));
        if (count == 0)
            return text;
        if (most == int.MaxValue)
            return text.Replace(old, replacement, StringComparison.Ordinal);
        var result = new StringBuilder();
        var from = 0;
        for (var i = 0; i < count; i++)
        {
            var at = text.IndexOf(old, from, StringComparison.Ordinal);
            result.Append(text, from, at - from).Append(replacement);
            from = at + old.Length;
        }
        return result.Append(text, from, text.Length - from).ToString();
    }

    public static string Join(Budget budget, string separator, List<string> parts)
    {
        budget.Text(parts.Sum(p => (long)p.Length) + (long)separator.Length * Math.Max(0, parts.Count - 1));
        return string.Join(separator, parts);
    }

    private static BoolValue Affix(Interpreter interpreter, string text, Arguments arguments, string method, Func<string, string, bool> test)
    {
        var bound = arguments.Bind(method, "affix*", "start", "end");
        if (bound[1] is not null)
        {
            interpreter.Budget.Text(text.Length);
            text = PythonText.Slice(text, Bound(bound[1], method), Bound(bound[2], method));
        }
        bool Holds(Value? given)
        {
            var affix = Arguments.Text(given, method);
            interpreter.Budget.Touch(affix);
            return test(text, affix);
        }
        return BoolValue.Of(bound[0] is SequenceValue { Kind: SequenceKind.Tuple } many ? many.Items.Any(Holds) : Holds(bound[0]));
    }

    private static int? Bound(Value? value, string method) => value is null or NoneValue ? null : Arguments.Number(value, method);

    private static int Find(Interpreter interpreter, string text, Arguments arguments, string method, bool last)
    {
        var bound = arguments.Bind(method, "sub*", "start", "end");
        var sub = Arguments.Text(bound[0], method);
        interpreter.Budget.Text(text.Length);
        interpreter.Budget.Search(text, sub);
        var start = Bound(bound[1], method) ?? 0;
        var length = PythonText.Length(text);
        if (start > length)
            return -1;
        if (start < 0)
            start = Math.Max(0, start + length);
        var range = PythonText.Slice(text, start, Bound(bound[2], method));
        var at = last ? range.LastIndexOf(sub, StringComparison.Ordinal) : range.IndexOf(sub, StringComparison.Ordinal);
        return at < 0 ? -1 : start + PythonText.CodePointIndex(range, at);
    }

    private static StringValue Pad(Interpreter interpreter, string text, Arguments arguments, string method)
    {
        var bound = arguments.Bind(method, "width*", "fillchar");
        var fill = bound[1] is null ? " " : Arguments.Text(bound[1], method);
        if (PythonText.Length(fill) != 1)
            throw new TemplateException("the fill character must be exactly one character long");
        return new StringValue(Pad(interpreter.Budget, text, Arguments.Number(bound[0], method), fill, method));
    }

    public static string Pad(Budget budget, string text, int width, string fill, string side)
    {
        var missing = width - (long)PythonText.Length(text);
        if (missing <= 0)
            return text;
        // CPython puts the odd one to the left when the width is odd.
        var left = side == "rjust" ? missing : side == "ljust" ? 0 : missing / 2 + (missing & width & 1);
        return budget.Join(budget.Join(budget.Repeat(fill, left), text), budget.Repeat(fill, missing - left));
    }

    private static string ZeroFill(Interpreter interpreter, string text, int width)
    {
        var sign = text.Length > 0 && text[0] is '-' or '+' ? text[..1] : "";
        return sign + Pad(interpreter.Budget, text[sign.Length..], width - sign.Length, "0", "rjust");
    }

    /// <summary>int(text): digits with single underscores inside, white space around.</summary>
    public static bool TryInteger(string text, int numberBase, out System.Numerics.BigInteger number)
    {
        number = 0;
        text = Strip(text, null, left: true, right: true);
        var isNegative = text.StartsWith('-');
        var digits = isNegative || text.StartsWith('+') ? text[1..] : text;
        var prefix = digits.Length > 1 && digits[0] == '0' ? digits[1] | 0x20 : 0;
        if ((prefix, numberBase) is ('x', 16) or ('o', 8) or ('b', 2))
            digits = digits[2..].TrimStart('_');
        if (digits.Length is 0 or > 1000 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
            return false;
        foreach (var c in digits)
        {
            if (c == '_')
                continue;
            var digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? (c | 0x20) - 'a' + 10 : 99;
            if (digit >= numberBase)
                return false;
            number = number * numberBase + digit;
        }
        if (isNegative)
            number = -number;
        return true;
    }

    /// <summary>float(text).</summary>
    public static bool TryReal(string text, out double number)
    {
        text = Strip(text, null, left: true, right: true).ToLowerInvariant();
        var bare = text.TrimStart('+', '-');
        if (text.Length - bare.Length <= 1 && bare is "inf" or "infinity" or "nan")
        {
            number = bare == "nan" ? double.NaN : text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        number = 0;
        return bare.Length > 0 && (char.IsAsciiDigit(bare[0]) || bare[0] == '.')
            && double.TryParse(text.Replace("_", ""), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
    }
}
