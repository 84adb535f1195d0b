namespace ModelOps.Templates;

/// <content>Filters of lists and dicts.</content>
internal static partial class Filters
{
    private static SequenceValue Items(Interpreter interpreter, Value input, Arguments arguments) => input switch
    {
        UndefinedValue => SequenceValue.Iterator([]),
        DictValue dict => SequenceValue.Iterator([.. dict.Items.Select(i => SequenceValue.Tuple(i.Key, i.Value))]),
        _ => throw new TemplateException("can only get item pairs from a mapping"),
    };

    private static StringValue Join(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("join", "d", "attribute");
        var separator = bound[0] is null ? "" : PythonText.Of(bound[0]!, interpreter.Budget);
        var get = Getter(interpreter, bound[1]);
        return new StringValue(StringMethods.Join(interpreter.Budget, separator, interpreter.Operators.Iterate(input).ConvertAll(v => PythonText.Of(get(v), interpreter.Budget))));
    }

    private static Value Reverse(Interpreter interpreter, Value input, Arguments arguments)
    {
        if (input is StringValue { Text: var text })
        {
            interpreter.Budget.Text(text.Length);
            interpreter.Budget.Step(text.Length);
            var points = PythonText.CodePoints(text);
            points.Reverse();
            return new StringValue(string.Concat(points));
        }
        var items = interpreter.Operators.Iterate(input);
        items.Reverse();
        return SequenceValue.Iterator(items);
    }

    private static SequenceValue Map(Interpreter interpreter, Value input, Arguments arguments)
    {
        // Jinja asks only whether there is anything, so none passes for an empty list here and in select.
        if (!Operators.IsTrue(input))
            return SequenceValue.Iterator([]);
        var items = interpreter.Operators.Iterate(input);
        if (arguments.Positional.Count == 0)
        {
            var bound = arguments.Bind("map", "attribute*", "default");
            var get = Getter(interpreter, bound[0], bound[1] is NoneValue ? null : bound[1]);
            return SequenceValue.Iterator(items.ConvertAll(v => get(v)));
        }
        var name = Arguments.Text(arguments.Positional[0], "map");
        var rest = arguments.Without(1);
        return SequenceValue.Iterator(items.ConvertAll(v => interpreter.ApplyFilter(name, v, rest)));
    }

    private static SequenceValue Select(Interpreter interpreter, Value input, Arguments arguments, bool byAttribute, bool keeps)
    {
        if (!Operators.IsTrue(input))
            return SequenceValue.Iterator([]);
        var at = byAttribute ? 1 : 0;
        if (arguments.Positional.Count < at)
            throw new TemplateException("missing parameter for attribute name");
        var get = byAttribute ? Getter(interpreter, arguments.Positional[0]) : v => v;
        var test = arguments.Positional.Count > at ? Arguments.Text(arguments.Positional[at], "select") : null;
        var rest = test is null ? Arguments.None : arguments.Without(at + 1);
        return SequenceValue.Iterator(interpreter.Operators.Iterate(input)
            .FindAll(v => get(v) is var tested && keeps == (test is null ? Operators.IsTrue(tested) : interpreter.ApplyTest(test, tested, rest))));
    }

    /// <summary>By a path such as <c>function.name</c> or <c>0.id</c>; null gives the item itself.</summary>
    private static Func<Value, Value> Getter(Interpreter interpreter, Value? attribute, Value? fallback = null)
    {
        if (attribute is null or NoneValue)
            return v => v;
        if (attribute is StringValue { Text: var whole })
            interpreter.Budget.Step(whole.Length);
        var parts = attribute is not StringValue { Text: var path } ? [attribute]
            : path.Split('.').Select(part => part.Length is > 0 and < 10 && part.All(char.IsAsciiDigit) ? (Value)new IntValue(int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)) : new StringValue(part)).ToArray();
        return item =>
        {
            foreach (var part in parts)
            {
                item = interpreter.GetItem(item, part);
                if (fallback is not null && item is UndefinedValue)
                    item = fallback;
            }
            return item;
        };
    }

    private static Value IgnoreCase(Interpreter interpreter, Value value) => value is StringValue { Text: var text } ? Made(interpreter, text.ToLowerInvariant()) : value;

    private static bool IsSet(Value? flag) => flag is not null && Operators.IsTrue(flag);

    private static SequenceValue DictSort(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("dictsort", "case_sensitive", "by", "reverse");
        if (input is not DictValue dict)
            throw input is UndefinedValue missing ? missing.Used() : new TemplateException($"dictsort() wants a dict, not {input.TypeName}");
        var by = bound[1] is null ? "key" : Arguments.Text(bound[1], "dictsort");
        if (by is not ("key" or "value"))
            throw new TemplateException("you can only sort by either \"key\" or \"value\"");
        var pairs = dict.Items.Select(i => (Key: by == "key" ? i.Key : i.Value, Item: (Value)SequenceValue.Tuple(i.Key, i.Value)));
        return SequenceValue.List(Sorted(interpreter, [.. pairs.Select(p => (IsSet(bound[0]) ? p.Key : IgnoreCase(interpreter, p.Key), p.Item))], IsSet(bound[2])));
    }

    private static SequenceValue Sort(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("sort", "reverse", "case_sensitive", "attribute");
        var getters = bound[2] is StringValue { Text: var names } ? Names(interpreter, names).ConvertAll(n => Getter(interpreter, new StringValue(n))) : [Getter(interpreter, bound[2])];
        var keyed = interpreter.Operators.Iterate(input).ConvertAll(item => ((Value)SequenceValue.List(getters.ConvertAll(get => IsSet(bound[1]) ? get(item) : IgnoreCase(interpreter, get(item)))), item));
        return SequenceValue.List(Sorted(interpreter, keyed, IsSet(bound[0])));
    }

    private static List<string> Names(Interpreter interpreter, string names)
    {
        interpreter.Budget.Step(names.Length);
        return [.. names.Split(',')];
    }

    /// <summary>
    /// A stable merge sort. The library's sorts wrap what a comparison throws, and with an order that is none (nan) they may complain.
    /// </summary>
    private static List<Value> Sorted(Interpreter interpreter, List<(Value Key, Value Item)> keyed, bool reverse)
    {
        var source = keyed.ToArray();
        var target = new (Value Key, Value Item)[source.Length];
        for (var width = 1; width < source.Length; width *= 2)
        {
            for (var from = 0; from < source.Length; from += 2 * width)
            {
                int left = from, middle = Math.Min(from + width, source.Length), right = middle, end = Math.Min(from + 2 * width, source.Length);
                for (var at = from; at < end; at++)
                {
                    var takesRight = left == middle || (right < end && (reverse
                        ? interpreter.Operators.Compare(source[left].Key, source[right].Key, "<") < 0
                        : interpreter.Operators.Compare(source[right].Key, source[left].Key, "<") < 0));
                    target[at] = takesRight ? source[right++] : source[left++];
                    interpreter.Budget.Step();
                }
            }
            (source, target) = (target, source);
        }
        return [.. source.Select(k => k.Item)];
    }

    private static SequenceValue Unique(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("unique", "case_sensitive", "attribute");
        var get = Getter(interpreter, bound[1]);
        var seen = new HashSet<Value>(interpreter.Operators);
        return SequenceValue.Iterator(interpreter.Operators.Iterate(input).FindAll(v => seen.Add(IsSet(bound[0]) ? get(v) : IgnoreCase(interpreter, get(v)))));
    }

    private static Value Extreme(Interpreter interpreter, Value input, Arguments arguments, string which)
    {
        var bound = arguments.Bind(which, "case_sensitive", "attribute");
        var get = Getter(interpreter, bound[1]);
        Value? best = null, bestKey = null;
        foreach (var item in interpreter.Operators.Iterate(input))
        {
            var key = IsSet(bound[0]) ? get(item) : IgnoreCase(interpreter, get(item));
            if (bestKey is null || (which == "min" ? interpreter.Operators.Compare(key, bestKey, "<") < 0 : interpreter.Operators.Compare(key, bestKey, ">") > 0))
                (best, bestKey) = (item, key);
        }
        return best ?? new UndefinedValue("no aggregated item, the sequence was empty");
    }

    private static Value Sum(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("sum", "attribute", "start");
        var get = Getter(interpreter, bound[0]);
        var sum = bound[1] ?? new IntValue(0);
        if (sum is StringValue)
            throw new TemplateException("sum() can't sum strings");
        foreach (var item in interpreter.Operators.Iterate(input))
            sum = interpreter.Arithmetic.Apply("+", sum, get(item));
        return sum;
    }

    private static SequenceValue GroupBy(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("groupby", "attribute*", "default", "case_sensitive");
        var get = Getter(interpreter, bound[0], bound[1]);
        Value KeyOf(Value item) => IsSet(bound[2]) ? get(item) : IgnoreCase(interpreter, get(item));
        var groups = new List<Value>();
        Value? current = null;
        foreach (var item in Sorted(interpreter, interpreter.Operators.Iterate(input).ConvertAll(item => (KeyOf(item), item)), reverse: false))
        {
            var key = KeyOf(item);
            if (current is null || !interpreter.Operators.AreEqual(current, key))
                groups.Add(SequenceValue.Tuple(get(item), SequenceValue.List([])));
            current = key;
            ((SequenceValue)((SequenceValue)groups[^1]).Items[1]).Items.Add(item);
        }
        return SequenceValue.List(groups);
    }

    private static SequenceValue Batch(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("batch", "linecount*", "fill_with");
        var size = Math.Max(1, Arguments.Number(bound[0], "batch"));
        var batches = interpreter.Operators.Iterate(input).Chunk(size).Select(c => c.ToList()).ToList();
        if (batches.Count > 0 && bound[1] is { } fill and not NoneValue)
            Fill(interpreter, batches[^1], fill, size);
        return SequenceValue.Iterator(batches.ConvertAll<Value>(SequenceValue.List));
    }

    private static void Fill(Interpreter interpreter, List<Value> row, Value fill, int size)
    {
        interpreter.Budget.Step(size - row.Count);
        while (row.Count < size)
            row.Add(fill);
    }

    private static SequenceValue Slices(Interpreter interpreter, Value input, Arguments arguments)
    {
        var bound = arguments.Bind("slice", "slices*", "fill_with");
        var count = Arguments.Number(bound[0], "slice");
        if (count <= 0)
            throw new TemplateException("slice() wants a positive number of slices");
        interpreter.Budget.Step(count);
        var items = interpreter.Operators.Iterate(input);
        var (size, extra) = (items.Count / count, items.Count % count);
        var slices = new List<Value>();
        for (var (i, at) = (0, 0); i < count; i++)
        {
            var take = size + (i < extra ? 1 : 0);
            var slice = items.GetRange(at, take);
            at += take;
            if (i >= extra && bound[1] is { } fill and not NoneValue)
                slice.Add(fill);
            slices.Add(SequenceValue.List(slice));
        }
        return SequenceValue.Iterator(slices);
    }
}
