namespace ModelOps.Templates;

/// <summary>
/// Methods of lists, tuples and dicts, and where those of strings are found. Jinja's strictest sandbox forbids the ones that change their
/// object; real templates (Kimi K2) use them, and here they can only reach values of the same rendering, so they are allowed.
/// </summary>
internal static class Methods
{
    private static readonly Dictionary<string, Func<Interpreter, SequenceValue, Arguments, Value>> ListMethods = new(StringComparer.Ordinal)
    {
        ["append"] = (interpreter, list, arguments) => Insert(interpreter, list, list.Items.Count, [arguments.Bind("append", "item*")[0]!]),
        ["extend"] = (interpreter, list, arguments) => Insert(interpreter, list, list.Items.Count, interpreter.Operators.Iterate(arguments.Bind("extend", "items*")[0]!)),
        ["insert"] = (interpreter, list, arguments) => arguments.Bind("insert", "index*", "item*") is var bound
            ? Insert(interpreter, list, Position(Arguments.Number(bound[0], "insert"), list.Items.Count), [bound[1]!]) : NoneValue.Instance,
        ["pop"] = Pop,
        ["clear"] = (_, list, _) => Change(list, items => items.Clear()),
        ["reverse"] = (interpreter, list, _) => Change(list, items => { interpreter.Budget.Step(items.Count); items.Reverse(); }),
        ["remove"] = (interpreter, list, arguments) => Change(list, items => items.RemoveAt(Find(interpreter, list, arguments))),
        ["copy"] = (interpreter, list, _) => SequenceValue.List(interpreter.Operators.Iterate(list)),
    };

    private static readonly Dictionary<string, Func<Interpreter, SequenceValue, Arguments, Value>> TupleMethods = new(StringComparer.Ordinal)
    {
        ["index"] = (interpreter, list, arguments) => new IntValue(Find(interpreter, list, arguments)),
        ["count"] = (interpreter, list, arguments) => arguments.Bind("count", "item*")[0] is { } item
            ? new IntValue(list.Items.Count(i => interpreter.Operators.AreEqual(i, item))) : NoneValue.Instance,
    };

    private static readonly Dictionary<string, Func<Interpreter, DictValue, Arguments, Value>> DictMethods = new(StringComparer.Ordinal)
    {
        ["get"] = (_, dict, arguments) => arguments.Bind("get", "key*", "default") is var bound && dict.Items.TryGetValue(bound[0]!, out var value) ? value : bound[1] ?? NoneValue.Instance,
        ["keys"] = (interpreter, dict, _) => View(interpreter, dict, "dict_keys", i => i.Key),
        ["values"] = (interpreter, dict, _) => View(interpreter, dict, "dict_values", i => i.Value),
        ["items"] = (interpreter, dict, _) => View(interpreter, dict, "dict_items", i => SequenceValue.Tuple(i.Key, i.Value)),
        ["copy"] = (interpreter, dict, _) => Copy(interpreter, dict),
        ["pop"] = Remove,
        ["setdefault"] = (_, dict, arguments) =>
        {
            var bound = arguments.Bind("setdefault", "key*", "default");
            dict.Items.TryAdd(bound[0]!, bound[1] ?? NoneValue.Instance);
            return dict.Items[bound[0]!];
        },
        ["update"] = (interpreter, dict, arguments) =>
        {
            foreach (var other in arguments.Positional)
                Update(interpreter, dict, other);
            foreach (var (name, value) in arguments.Named)
                dict.Items[new StringValue(name)] = value;
            return NoneValue.Instance;
        },
        ["clear"] = (_, dict, _) =>
        {
            dict.Items.Clear();
            return NoneValue.Instance;
        },
    };

    /// <summary>A method bound to its object, or null.</summary>
    public static FunctionValue? Find(Value target, string name)
    {
        switch (target)
        {
            case StringValue text when StringMethods.All.TryGetValue(name, out var method):
                return new FunctionValue(name, (interpreter, arguments) =>
                {
                    interpreter.Budget.Touch(text.Text);
                    return method(interpreter, text.Text, arguments);
                });
            case DictValue dict when DictMethods.TryGetValue(name, out var method):
                return new FunctionValue(name, (interpreter, arguments) => method(interpreter, dict, arguments));
            case SequenceValue { Kind: SequenceKind.List } list when ListMethods.TryGetValue(name, out var method):
                return new FunctionValue(name, (interpreter, arguments) => method(interpreter, list, arguments));
            case SequenceValue { IsIndexable: true } list when TupleMethods.TryGetValue(name, out var method):
                return new FunctionValue(name, (interpreter, arguments) => method(interpreter, list, arguments));
            default:
                return null;
        }
    }

    /// <summary>dict.update: from a mapping, or from pairs.</summary>
    public static void Update(Interpreter interpreter, DictValue dict, Value other)
    {
        if (other is DictValue source)
        {
            interpreter.Budget.Step(source.Items.Count);
            foreach (var (key, value) in source.Items.ToArray())
                dict.Items[key] = value;
            return;
        }
        foreach (var item in interpreter.Operators.Iterate(other))
        {
            if (interpreter.Operators.Iterate(item) is not [var key, var value])
                throw new TemplateException("a dict is made of pairs");
            dict.Items[key] = value;
        }
    }

    private static DictValue Copy(Interpreter interpreter, DictValue dict)
    {
        var copy = interpreter.NewDict();
        Update(interpreter, copy, dict);
        return copy;
    }

    private static SequenceValue View(Interpreter interpreter, DictValue dict, string name, Func<KeyValuePair<Value, Value>, Value> select)
    {
        interpreter.Budget.Step(dict.Items.Count);
        return new SequenceValue([.. dict.Items.Select(select)], SequenceKind.View) { Prefix = name };
    }

    private static NoneValue Change(SequenceValue list, Action<List<Value>> change)
    {
        change(list.Items);
        return NoneValue.Instance;
    }

    private static NoneValue Insert(Interpreter interpreter, SequenceValue list, int at, List<Value> items)
    {
        interpreter.Budget.Step(items.Count + (list.Items.Count - at));
        list.Items.InsertRange(at, items);
        return NoneValue.Instance;
    }

    private static Value Pop(Interpreter interpreter, SequenceValue list, Arguments arguments)
    {
        var index = Arguments.Number(arguments.Bind("pop", "index")[0], "pop", -1);
        if (index < 0)
            index += list.Items.Count;
        if (index < 0 || index >= list.Items.Count)
            throw new TemplateException("pop index out of range");
        interpreter.Budget.Step(list.Items.Count - index);
        var item = list.Items[index];
        list.Items.RemoveAt(index);
        return item;
    }

    private static Value Remove(Interpreter interpreter, DictValue dict, Arguments arguments)
    {
        var bound = arguments.Bind("pop", "key*", "default");
        interpreter.Budget.Step(dict.Items.Count);
        return dict.Items.Remove(bound[0]!, out var value) ? value : bound[1] ?? throw new TemplateException("pop(): there is no such key");
    }

    private static int Position(int index, int count) => Math.Clamp(index < 0 ? index + count : index, 0, count);

    private static int Find(Interpreter interpreter, SequenceValue list, Arguments arguments)
    {
        var item = arguments.Bind("index", "item*")[0]!;
        var index = list.Items.FindIndex(i => interpreter.Operators.AreEqual(i, item));
        return index >= 0 ? index : throw new TemplateException("the item is not in the list");
    }
}
