using System.Globalization;
using System.Text;

namespace ModelOps.Templates;

/// <summary>json.dumps as transformers' <c>tojson</c> calls it: Python's separators, and letters beyond ASCII as they are unless asked otherwise.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _text = new();
    private readonly Budget _budget;

    private JsonText(Budget budget) => _budget = budget;

    private string? Indent { get; init; }

    private string ItemSeparator { get; init; } = ", ";

    private string KeySeparator { get; init; } = ": ";

    private bool EnsureAscii { get; init; }

    private bool SortKeys { get; init; }

    public static StringValue Filter(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        var budget = interpreter.Budget;
        var indent = bound[1] switch
        {
            null or NoneValue => null,
            StringValue text => text.Text,
            var width => budget.Repeat(" ", Arguments.Number(width, "tojson")),
        };
        var item = indent is null ? ", " : ",";
        var key = ": ";
        if (bound[2] is SequenceValue { Items: [StringValue a, StringValue b] })
            (item, key) = (a.Text, b.Text);
        else if (bound[2] is not (null or NoneValue))
            throw new TemplateException("tojson() wants two strings as separators");
        var json = new JsonText(budget)
        {
            Indent = indent,
            ItemSeparator = item,
            KeySeparator = key,
            EnsureAscii = bound[0] is { } ascii && Operators.IsTrue(ascii),
            SortKeys = bound[3] is { } sort && Operators.IsTrue(sort),
        };
        json.Append(input, 0);
        budget.Text(json._text.Length);
        return new StringValue(json._text.ToString());
    }

    private void Append(Value value, int depth)
    {
        _budget.Enter();
        if (_text.Length > _budget.Limits.TextLength)
            throw TemplateException.Limit($"{_budget.Limits.TextLength} characters in one text");
        switch (value)
        {
            case StringValue text: AppendQuoted(text.Text); break;
            case SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple } sequence: AppendList(sequence, depth); break;
            case DictValue dict: AppendDict(dict, depth); break;
            default: _text.Append(Scalar(value) ?? throw new TemplateException($"Object of type {value.TypeName} is not JSON serializable")); break;
        }
        _budget.Leave();
    }

    private static string? Scalar(Value value) => value switch
    {
        NoneValue => "null",
        BoolValue flag => flag.IsTrue ? "true" : "false",
        IntValue number => number.Number.ToString(CultureInfo.InvariantCulture),
        FloatValue { Number: var number } => double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? (number > 0 ? "Infinity" : "-Infinity") : PythonText.Of(number),
        _ => null,
    };

    private void AppendList(SequenceValue list, int depth)
    {
        _text.Append('[');
        for (var i = 0; i < list.Items.Count; i++)
        {
            if (i > 0)
                _text.Append(ItemSeparator);
            NewLine(depth + 1);
            Append(list.Items[i], depth + 1);
        }
        if (list.Items.Count > 0)
            NewLine(depth);
        _text.Append(']');
    }

    private void AppendDict(DictValue dict, int depth)
    {
        _text.Append('{');
        var items = dict.Items.Select(i => (Key: i.Key is StringValue text ? text.Text : Scalar(i.Key) ?? throw new TemplateException($"keys must be str, int, float, bool or None, not {i.Key.TypeName}"), i.Value));
        if (SortKeys)
        {
            _budget.Step(dict.Items.Count * 16L);
            items = items.OrderBy(i => i.Key, Comparer<string>.Create(PythonText.Compare));
        }
        var isFirst = true;
        foreach (var (key, value) in items)
        {
            if (!isFirst)
                _text.Append(ItemSeparator);
            isFirst = false;
            NewLine(depth + 1);
            AppendQuoted(key);
            _text.Append(KeySeparator);
            Append(value, depth + 1);
        }
        if (!isFirst)
            NewLine(depth);
        _text.Append('}');
    }

    private void NewLine(int depth)
    {
        if (Indent is null)
            return;
        _text.Append('\n');
        // The depth multiplies the indent, so a wide one is paid for before it is written.
        _budget.Text((long)Indent.Length * depth);
        for (var i = 0; i < depth; i++)
            _text.Append(Indent);
    }

    private void AppendQuoted(string text)
    {
        _text.Append('"');
        foreach (var c in text)
        {
            switch (c)
            {
                case '"': _text.Append("\\\""); break;
                case '\\': _text.Append("\\\\"); break;
                case '\n': _text.Append("\\n"); break;
                case '\r': _text.Append("\\r"); break;
                case '\t': _text.Append("\\t"); break;
                case '\b': _text.Append("\\b"); break;
                case '\f': _text.Append("\\f"); break;
                case < ' ':
                case > '~' when EnsureAscii:
                    _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    if (_text.Length > _budget.Limits.TextLength)
                        throw TemplateException.Limit($"{_budget.Limits.TextLength} characters in one text");
                    break;
                default: _text.Append(c); break;
            }
        }
        _text.Append('"');
    }
}
