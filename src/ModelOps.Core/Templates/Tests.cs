namespace ModelOps.Templates;

/// <summary>What may follow <c>is</c>.</summary>
internal static class Tests
{
    public delegate bool Test(Interpreter interpreter, Value value, Arguments arguments);

    private static readonly Dictionary<string, Test> All = new(StringComparer.Ordinal)
    {
        ["defined"] = (_, v, _) => v is not UndefinedValue,
        ["undefined"] = (_, v, _) => v is UndefinedValue,
        ["none"] = (_, v, _) => v is NoneValue,
        ["boolean"] = (_, v, _) => v is BoolValue,
        ["true"] = (_, v, _) => v is BoolValue { IsTrue: true },
        ["false"] = (_, v, _) => v is BoolValue { IsTrue: false },
        ["integer"] = (_, v, _) => v is IntValue,
        ["float"] = (_, v, _) => v is FloatValue,
        ["number"] = (_, v, _) => v is IntValue or FloatValue or BoolValue,
        ["string"] = (_, v, _) => v is StringValue,
        ["mapping"] = (_, v, _) => v is DictValue,
        ["iterable"] = (_, v, _) => v is StringValue or SequenceValue or DictValue or UndefinedValue or LoopValue,
        ["sequence"] = (_, v, _) => v is StringValue or SequenceValue { IsIndexable: true } or DictValue or UndefinedValue,
        ["callable"] = (_, v, _) => v is FunctionValue or UndefinedValue,
        ["escaped"] = (_, v, _) => v is StringValue { IsMarkup: true },
        ["lower"] = (_, v, _) => v is StringValue { Text: var s } && StringMethods.IsLower(s),
        ["upper"] = (_, v, _) => v is StringValue { Text: var s } && StringMethods.IsUpper(s),
        ["odd"] = (i, v, _) => IsRest(i, v, 2, 1),
        ["even"] = (i, v, _) => IsRest(i, v, 2, 0),
        ["divisibleby"] = (i, v, a) => i.Operators.AreEqual(i.Arithmetic.Apply("%", v, Other(a)), new IntValue(0)),
        ["in"] = (i, v, a) => i.Operators.Contains(Other(a), v),
        ["sameas"] = (i, v, a) => Other(a) is var other && (ReferenceEquals(v, other) || (v.TypeName == other.TypeName && v is IntValue or StringValue or UndefinedValue && i.Operators.AreEqual(v, other))),
        ["filter"] = (_, v, _) => v is StringValue { Text: var name } && Filters.Find(name) is not null,
        ["test"] = (_, v, _) => v is StringValue { Text: var name } && Find(name) is not null,
    };

    private static readonly Dictionary<string, string> Comparisons = new(StringComparer.Ordinal)
    {
        ["eq"] = "==",
        ["equalto"] = "==",
        ["=="] = "==",
        ["ne"] = "!=",
        ["!="] = "!=",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["<"] = "<",
        ["le"] = "<=",
        ["<="] = "<=",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        [">"] = ">",
        ["ge"] = ">=",
        [">="] = ">=",
    };

    public static Test? Find(string name)
    {
        if (All.TryGetValue(name, out var test))
            return test;
        return Comparisons.TryGetValue(name, out var operation) ? (interpreter, value, arguments) => interpreter.Holds(operation, value, Other(arguments)) : null;
    }

    private static Value Other(Arguments arguments) => arguments.Bind("the test", "other*")[0]!;

    private static bool IsRest(Interpreter interpreter, Value value, int divisor, int rest)
        => interpreter.Operators.AreEqual(interpreter.Arithmetic.Apply("%", value is StringValue ? throw TemplateException.Operands("%", value, value) : value, new IntValue(divisor)), new IntValue(rest));
}
