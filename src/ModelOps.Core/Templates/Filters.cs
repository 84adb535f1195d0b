using System.Numerics;

namespace ModelOps.Templates;

/// <summary>The filters by name; this part holds those of texts and numbers.</summary>
internal static partial class Filters
{
    public delegate Value Filter(Interpreter interpreter, Value input, Arguments arguments);

    private static readonly Dictionary<string, Filter> All = new(StringComparer.Ordinal)
    {
        ["abs"] = Abs,
        ["attr"] = Attr,
        ["batch"] = Batch,
        ["capitalize"] = (i, v, _) => Made(i, StringMethods.Capitalize(PythonText.Of(v, i.Budget))),
        ["center"] = (i, v, a) => new StringValue(StringMethods.Pad(i.Budget, PythonText.Of(v, i.Budget), Arguments.Number(a.Bind("center", "width")[0], "center", 80), " ", "center")),
        ["count"] = (i, v, _) => i.Operators.Length(v),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = DictSort,
        ["e"] = Escape,
        ["escape"] = Escape,
        ["first"] = (i, v, _) => i.Operators.Iterate(v) is [var first, ..] ? first : new UndefinedValue("no first item, the sequence was empty"),
        ["float"] = Real,
        ["forceescape"] = (i, v, a) => Escape(i, new StringValue(PythonText.Of(v, i.Budget)), a),
        ["format"] = Format,
        ["groupby"] = GroupBy,
        ["indent"] = Indent,
        ["int"] = Integer,
        ["items"] = Items,
        ["join"] = Join,
        ["last"] = (i, v, _) => i.Operators.Iterate(v) is [.., var last] ? last : new UndefinedValue("no last item, the sequence was empty"),
        ["length"] = (i, v, _) => i.Operators.Length(v),
        ["list"] = (i, v, _) => SequenceValue.List(i.Operators.Iterate(v)),
        ["lower"] = (i, v, _) => Made(i, PythonText.Of(v, i.Budget).ToLowerInvariant()),
        ["map"] = Map,
        ["max"] = (i, v, a) => Extreme(i, v, a, "max"),
        ["min"] = (i, v, a) => Extreme(i, v, a, "min"),
        ["reject"] = (i, v, a) => Select(i, v, a, byAttribute: false, keeps: false),
        ["rejectattr"] = (i, v, a) => Select(i, v, a, byAttribute: true, keeps: false),
        ["replace"] = (i, v, a) => a.Bind("replace", "old*", "new*", "count") is var b
            ? new StringValue(StringMethods.Replace(i.Budget, PythonText.Of(v, i.Budget), PythonText.Of(b[0]!, i.Budget), PythonText.Of(b[1]!, i.Budget), b[2] is null or NoneValue ? -1 : Arguments.Number(b[2], "replace"))) : v,
        ["reverse"] = Reverse,
        ["round"] = Round,
        ["safe"] = (i, v, _) => new StringValue(PythonText.Of(v, i.Budget), isMarkup: true),
        ["select"] = (i, v, a) => Select(i, v, a, byAttribute: false, keeps: true),
        ["selectattr"] = (i, v, a) => Select(i, v, a, byAttribute: true, keeps: true),
        ["slice"] = Slices,
        ["sort"] = Sort,
        ["string"] = (i, v, _) => v as StringValue ?? new StringValue(PythonText.Of(v, i.Budget)),
        ["sum"] = Sum,
        ["title"] = (i, v, _) => Made(i, Title(PythonText.Of(v, i.Budget))),
        ["tojson"] = JsonText.Filter,
        ["trim"] = Trim,
        ["truncate"] = Truncate,
        ["unique"] = Unique,
        ["upper"] = (i, v, _) => Made(i, PythonText.Of(v, i.Budget).ToUpperInvariant()),
        ["wordcount"] = (i, v, _) => new IntValue(CountWords(PythonText.Of(v, i.Budget))),
    };

    public static Filter? Find(string name) => All.GetValueOrDefault(name);

    private static StringValue Made(Interpreter interpreter, string text)
    {
        interpreter.Budget.Text(text.Length);
        return new StringValue(text);
    }

    private static Value Number(Value value, string filter)
    {
        if (value is UndefinedValue missing)
            throw missing.Used();
        return Operators.TryNumber(value, out var number) ? number : throw new TemplateException($"{filter}() wants a number, not {value.TypeName}");
    }

    private static StringValue Trim(Interpreter interpreter, Value input, Arguments arguments)
    {
        var chars = arguments.Bind("trim", "chars")[0];
        var text = StringMethods.Strip(PythonText.Of(input, interpreter.Budget), chars is null or NoneValue ? null : Arguments.Text(chars, "trim"), left: true, right: true);
        interpreter.Budget.Text(text.Length);
        return new StringValue(text, input is StringValue { IsMarkup: true });
    }

    /// <summary>What the value has by that name; not, as <c>value.name</c>, a key.</summary>
    private static Value Attr(Interpreter interpreter, Value input, Arguments arguments)
    {
        var name = Arguments.Text(arguments.Bind("attr", "name*")[0], "attr");
        interpreter.Budget.Touch(name);
        return Methods.Find(input, name) ?? (input is NamespaceValue or LoopValue ? interpreter.GetAttribute(input, name) : UndefinedValue.Element(input));
    }

    private static Value Abs(Interpreter interpreter, Value input, Arguments arguments) => Number(input, "abs") is IntValue whole
        ? new IntValue(BigInteger.Abs(whole.Number))
        : new FloatValue(Math.Abs(Operators.ToDouble(input)));

    private static Value Default(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("default", "default_value", "boolean");
        var isReplaced = input is UndefinedValue || (bound[1] is { } boolean && Operators.IsTrue(boolean) && !Operators.IsTrue(input));
        return isReplaced ? bound[0] ?? StringValue.Empty : input;
    }

    private static StringValue Escape(Interpreter interpreter, Value input, Arguments arguments)
    {
        var text = input as StringValue ?? new StringValue(PythonText.Of(input, interpreter.Budget));
        interpreter.Budget.Text(text.Text.Length * 5L);
        return new StringValue(text.EscapedText, isMarkup: true);
    }

    private static StringValue Format(Interpreter interpreter, Value input, Arguments arguments)
    {
        Value operands = SequenceValue.Tuple([.. arguments.Positional]);
        if (arguments.Named.Count > 0)
        {
            var dict = interpreter.NewDict();
            foreach (var (name, value) in arguments.Named)
                dict.Items[new StringValue(name)] = value;
            operands = arguments.Positional.Count == 0 ? dict : throw new TemplateException("format() takes positional or named arguments, not both");
        }
        return new StringValue(PercentFormat.Apply(PythonText.Of(input, interpreter.Budget), operands, interpreter.Budget));
    }

    private static StringValue Indent(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("indent", "width", "first", "blank");
        var budget = interpreter.Budget;
        var indent = bound[0] is StringValue given ? given.Text : budget.Repeat(" ", Arguments.Number(bound[0], "indent", 4));
        var indentsFirst = bound[1] is { } first && Operators.IsTrue(first);
        var indentsBlank = bound[2] is { } blank && Operators.IsTrue(blank);
        var text = Arguments.Text(input, "indent");
        var lines = StringMethods.Lines(text + "\n", keepsEnds: false);
        budget.Text(text.Length + (long)lines.Count * indent.Length);
        return new StringValue(string.Join("\n", lines.Select((line, i) => (i == 0 ? indentsFirst : indentsBlank || line.Length > 0) ? indent + line : line)));
    }

    private static Value Integer(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("int", "default", "base");
        var fallback = bound[0] ?? new IntValue(0);
        if (input is StringValue { Text: var text })
        {
            var numberBase = Arguments.Number(bound[1], "int", 10);
            if (numberBase is < 2 or > 36)
                return fallback;
            if (StringMethods.TryInteger(text, numberBase, out var whole))
                return new IntValue(whole);
            // "42.23"|int is 42.
            return StringMethods.TryReal(text, out var real) && double.IsFinite(real) ? new IntValue(new BigInteger(real)) : fallback;
        }
        if (input is UndefinedValue missing)
            throw missing.Used();
        if (!Operators.TryNumber(input, out var number))
            return fallback;
        return number is FloatValue { Number: var x } ? double.IsFinite(x) ? new IntValue(new BigInteger(Math.Truncate(x))) : fallback : number;
    }

    private static Value Real(Interpreter interpreter, Value input, Arguments arguments)
    {
        var fallback = arguments.Bind("float", "default")[0] ?? new FloatValue(0);
        return input switch
        {
            UndefinedValue missing => throw missing.Used(),
            StringValue { Text: var text } => StringMethods.TryReal(text, out var real) ? new FloatValue(real) : fallback,
            _ => Operators.TryNumber(input, out var number) ? new FloatValue(Operators.ToDouble(number)) : fallback,
        };
    }

    private static Value Round(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("round", "precision", "method");
        var precision = Math.Clamp(Arguments.Number(bound[0], "round"), -400, 400);
        var method = bound[1] is null ? "common" : Arguments.Text(bound[1], "round");
        var number = Number(input, "round");
        if (method is not ("common" or "ceil" or "floor"))
            throw new TemplateException("method must be common, ceil or floor");
        if (method != "common")
        {
            var scale = Math.Pow(10, precision);
            var scaled = Operators.ToDouble(number) * scale;
            return new FloatValue((method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled)) / scale);
        }
        if (number is IntValue whole)
            return precision >= 0 ? whole : RoundWhole(whole.Number, BigInteger.Pow(10, -precision));
        var x = Operators.ToDouble(number);
        if (!double.IsFinite(x) || precision > 330)
            return number;
        // Through decimal digits, since scaling a double and rounding that is off for halves that are not exact.
        return new FloatValue(double.Parse($"{NumberFormat.Scale(x, precision)}E{-precision}", System.Globalization.CultureInfo.InvariantCulture));
    }

    private static IntValue RoundWhole(BigInteger number, BigInteger unit)
    {
        var quotient = BigInteger.DivRem(BigInteger.Abs(number), unit, out var rest);
        var half = (rest * 2).CompareTo(unit);
        if (half > 0 || (half == 0 && !quotient.IsEven))
            quotient += 1;
        return new IntValue(quotient * unit * number.Sign);
    }

    /// <summary>The filter's own idea of a title: words begin after space, hyphen and opening brackets only.</summary>
    private static string Title(string text)
    {
        var title = new System.Text.StringBuilder(text.Length);
        var begins = true;
        foreach (var c in text)
        {
            title.Append(begins ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            begins = PythonText.IsSpace(c) || "-({[<".Contains(c);
        }
        return title.ToString();
    }

    private static StringValue Truncate(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("truncate", "length", "killwords", "end", "leeway");
        var text = Arguments.Text(input, "truncate");
        var length = Arguments.Number(bound[0], "truncate", 255);
        var end = bound[2] is null ? "..." : Arguments.Text(bound[2], "truncate");
        var leeway = bound[3] is null or NoneValue ? 5 : Arguments.Number(bound[3], "truncate");
        if (length < PythonText.Length(end) || leeway < 0)
            throw new TemplateException("truncate() wants a length no less than its end's");
        if (PythonText.Length(text) <= (long)length + leeway)
            return new StringValue(text);
        var cut = PythonText.Slice(text, 0, length - PythonText.Length(end));
        if (bound[1] is not { } kill || !Operators.IsTrue(kill))
            cut = cut.LastIndexOf(' ') is >= 0 and var space ? cut[..space] : cut;
        return new StringValue(interpreter.Budget.Join(cut, end));
    }

    private static int CountWords(string text)
    {
        var words = 0;
        var inWord = false;
        foreach (var c in text)
        {
            var isWord = char.IsLetterOrDigit(c) || c == '_';
            if (isWord && !inWord)
                words++;
            inWord = isWord;
        }
        return words;
    }
}
