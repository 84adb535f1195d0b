using System.Numerics;

namespace ModelOps.Templates;

/// <summary>The functions every template has.</summary>
internal static class Globals
{
    /// <param name="root">Where they are defined.</param>
    /// <param name="now">The time of <c>strftime_now</c>; without one the function is undefined, which templates ask for before they use it.</param>
    public static void Define(Scope root, DateTimeOffset? now)
    {
        Add(root, "range", Range);
        Add(root, "dict", MakeDict);
        Add(root, "namespace", MakeNamespace);
        Add(root, "raise_exception", (_, arguments) => throw new TemplateException(Arguments.Text(arguments.Bind("raise_exception", "message*")[0], "raise_exception")) { RaisedByTemplate = true });
        if (now is { } time)
            Add(root, "strftime_now", (interpreter, arguments) => Strftime(interpreter.Budget, Arguments.Text(arguments.Bind("strftime_now", "format*")[0], "strftime_now"), time));
    }

    private static StringValue Strftime(Budget budget, string format, DateTimeOffset time)
    {
        // Two characters of a format may become twenty-four.
        budget.Step(format.Length);
        budget.Text(12L * format.Length);
        return new StringValue(TimeFormat.Apply(format, time));
    }

    private static void Add(Scope root, string name, Func<Interpreter, Arguments, Value> function) => root.Set(name, new FunctionValue(name, function));

    private static SequenceValue Range(Interpreter interpreter, Arguments arguments)
    {
        var bound = arguments.Bind("range", "start*", "stop", "step");
        var start = bound[1] is null ? 0 : Bound(bound[0]);
        var stop = Bound(bound[1] ?? bound[0]);
        var step = bound[2] is null ? 1 : Bound(bound[2]);
        if (step == 0)
            throw new TemplateException("range() arg 3 must not be zero");
        var count = BigInteger.Max(0, step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step);
        if (count > interpreter.Budget.Limits.Range)
            throw TemplateException.Limit($"{interpreter.Budget.Limits.Range} items in a range");
        interpreter.Budget.Step((long)count);
        var items = new List<Value>((int)count);
        for (var i = 0; i < count; i++)
            items.Add(new IntValue(start + i * step));
        return new SequenceValue(items, SequenceKind.Range) { Prefix = step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})" };
    }

    private static BigInteger Bound(Value? value)
    {
        if (value is UndefinedValue missing)
            throw missing.Used();
        return Operators.TryNumber(value!, out var number) && number is IntValue whole
            ? whole.Number
            : throw new TemplateException($"'{value!.TypeName}' object cannot be interpreted as an integer");
    }

    private static DictValue MakeDict(Interpreter interpreter, Arguments arguments)
    {
        var dict = interpreter.NewDict();
        if (arguments.Positional.Count > 0)
            Methods.Update(interpreter, dict, arguments.Positional[0]);
        foreach (var (name, value) in arguments.Named)
            dict.Items[new StringValue(name)] = value;
        return dict;
    }

    private static NamespaceValue MakeNamespace(Interpreter interpreter, Arguments arguments)
    {
        var space = new NamespaceValue();
        foreach (var (key, value) in MakeDict(interpreter, arguments).Items)
            space.Attributes[Arguments.Text(key, "namespace")] = value;
        return space;
    }
}
