using System.Numerics;

namespace ModelOps.Templates;

/// <summary>
/// What a template can hold: a closed set, so no .NET object and no reflection is ever within a template's reach. Values behave as Python's
/// of the same name.
/// </summary>
internal abstract class Value
{
    /// <summary>Python's name of the type, for messages.</summary>
    public abstract string TypeName { get; }
}

internal sealed class NoneValue : Value
{
    private NoneValue() { }

    public static NoneValue Instance { get; } = new();

    public override string TypeName => "NoneType";
}

/// <summary>What a missing name or attribute gives: it prints as nothing, is false and empty, and is a fault in every other use.</summary>
internal sealed class UndefinedValue(string message) : Value
{
    public string Message => message;

    public override string TypeName => "Undefined";

    public static UndefinedValue Variable(string name) => new($"'{name}' is undefined");

    public static UndefinedValue Member(Value owner, string name) => new($"'{owner.TypeName} object' has no attribute '{name}'");

    public static UndefinedValue Element(Value owner) => new($"'{owner.TypeName} object' has no such element");

    public TemplateException Used() => new(message);
}

internal sealed class BoolValue : Value
{
    private BoolValue(bool value) => IsTrue = value;

    public static BoolValue True { get; } = new(true);

    public static BoolValue False { get; } = new(false);

    public bool IsTrue { get; }

    public override string TypeName => "bool";

    public static BoolValue Of(bool value) => value ? True : False;
}

internal sealed class IntValue(BigInteger number) : Value
{
    public BigInteger Number => number;

    public override string TypeName => "int";
}

internal sealed class FloatValue(double number) : Value
{
    public double Number => number;

    public override string TypeName => "float";
}

internal sealed class StringValue(string text, bool isMarkup = false) : Value
{
    /// <summary>
    /// Made by <c>safe</c> or <c>escape</c>. Even without autoescaping, what is added to such a text by <c>+</c> is HTML-escaped: real
    /// templates (functionary) give their models prompts full of <c>&amp;#34;</c> by it, which is what these were trained on.
    /// </summary>
    public bool IsMarkup => isMarkup;

    public string EscapedText => isMarkup ? text : text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("'", "&#39;").Replace("\"", "&#34;");

    public static StringValue Empty { get; } = new("");

    public string Text => text;

    public override string TypeName => "str";
}

internal enum SequenceKind
{
    List,
    Tuple,
    Range,
    /// <summary>Of <c>dict.items()</c> and its like: it can be counted and walked, not indexed.</summary>
    View,
    /// <summary>Of <c>map</c>, <c>select</c> and other lazy filters: it can be walked once. (Ours is computed at once; only its manners are lazy.)</summary>
    Iterator,
}

internal sealed class SequenceValue(List<Value> items, SequenceKind kind) : Value
{
    public List<Value> Items { get; private set; } = items;

    public SequenceKind Kind => kind;

    /// <summary>How a view or a range prints.</summary>
    public string? Prefix { get; init; }

    public bool IsIndexable => kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range;

    public override string TypeName => kind switch
    {
        SequenceKind.List => "list",
        SequenceKind.Tuple => "tuple",
        SequenceKind.Range => "range",
        SequenceKind.View => Prefix ?? "dict_items",
        _ => "generator",
    };

    public static SequenceValue List(List<Value> items) => new(items, SequenceKind.List);

    public static SequenceValue Tuple(params List<Value> items) => new(items, SequenceKind.Tuple);

    public static SequenceValue Iterator(List<Value> items) => new(items, SequenceKind.Iterator);

    /// <summary>The items for one walk.</summary>
    public List<Value> Walk()
    {
        var walked = Items;
        if (kind == SequenceKind.Iterator)
            Items = [];
        return walked;
    }
}

/// <summary>A dict; it keeps the order of insertion.</summary>
internal sealed class DictValue(IEqualityComparer<Value> comparer) : Value
{
    public OrderedDictionary<Value, Value> Items { get; } = new(comparer);

    public override string TypeName => "dict";
}

/// <summary>What <c>namespace()</c> makes: the one thing whose attributes a template may assign.</summary>
internal sealed class NamespaceValue : Value
{
    public Dictionary<string, Value> Attributes { get; } = new(StringComparer.Ordinal);

    public override string TypeName => "Namespace";
}

/// <summary>A macro, a global function or a method bound to its object.</summary>
internal sealed class FunctionValue(string name, Func<Interpreter, Arguments, Value> invoke) : Value
{
    public string Name => name;

    public override string TypeName => "function";

    public Value Invoke(Interpreter interpreter, Arguments arguments) => invoke(interpreter, arguments);
}

/// <summary>The <c>loop</c> variable.</summary>
internal sealed class LoopValue(List<Value> items) : Value
{
    private Value? _last;

    public int Index { get; set; }

    public override string TypeName => "LoopContext";

    public Value? Find(string name) => name switch
    {
        "index" => new IntValue(Index + 1),
        "index0" => new IntValue(Index),
        "revindex" => new IntValue(items.Count - Index),
        "revindex0" => new IntValue(items.Count - Index - 1),
        "first" => BoolValue.Of(Index == 0),
        "last" => BoolValue.Of(Index == items.Count - 1),
        "length" => new IntValue(items.Count),
        "depth" => new IntValue(1),
        "depth0" => new IntValue(0),
        "previtem" => Index > 0 ? items[Index - 1] : new UndefinedValue("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new UndefinedValue("there is no next item"),
        "cycle" => new FunctionValue(name, (_, arguments) => arguments.Positional.Count > 0
            ? arguments.Positional[Index % arguments.Positional.Count]
            : throw new TemplateException("no items for cycling given")),
        "changed" => new FunctionValue(name, Changed),
        _ => null,
    };

    private BoolValue Changed(Interpreter interpreter, Arguments arguments)
    {
        var now = SequenceValue.Tuple([.. arguments.Positional]);
        var isChanged = _last is null || !interpreter.Operators.AreEqual(_last, now);
        _last = now;
        return BoolValue.Of(isChanged);
    }
}
