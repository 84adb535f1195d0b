using System.Numerics;
using System.Text;

namespace ModelOps.Templates;

/// <content>Evaluates expressions.</content>
internal sealed partial class Interpreter
{
    public Value Evaluate(Expression expression)
    {
        Budget.Enter();
        At = expression.At;
        var value = expression switch
        {
            Constant constant => constant.Value,
            Name name => _scope.Find(name.Identifier) ?? UndefinedValue.Variable(name.Identifier),
            Attribute attribute => GetAttribute(Evaluate(attribute.Target), attribute.Key),
            Subscript subscript => GetItem(Evaluate(subscript.Target), Evaluate(subscript.Index)),
            Call call => EvaluateCall(call),
            FilterCall filter => ApplyFilter(filter.Filter, Evaluate(filter.Input!), EvaluateArguments(filter.Arguments)),
            TestCall test => BoolValue.Of(ApplyTest(test.Test, Evaluate(test.Input), EvaluateArguments(test.Arguments))),
            Binary binary => Arithmetic.Apply(binary.Operator, Evaluate(binary.Left), Evaluate(binary.Right)),
            Comparison comparison => EvaluateComparison(comparison),
            Concatenation concatenation => EvaluateConcatenation(concatenation),
            Conditional conditional => EvaluateConditional(conditional),
            Not not => BoolValue.Of(!Operators.IsTrue(Evaluate(not.Operand))),
            And and => Evaluate(and.Left) is var left && Operators.IsTrue(left) ? Evaluate(and.Right) : left,
            Or or => Evaluate(or.Left) is var left && Operators.IsTrue(left) ? left : Evaluate(or.Right),
            Slice slice => EvaluateSlice(slice),
            Unary unary => Arithmetic.Sign(unary.Operator, Evaluate(unary.Operand)),
            ListDisplay list => SequenceValue.List(EvaluateAll(list.Items)),
            TupleDisplay tuple => SequenceValue.Tuple(EvaluateAll(tuple.Items)),
            DictDisplay dict => EvaluateDict(dict),
            _ => throw new InvalidOperationException($"No rule for {expression.GetType().Name}."),
        };
        Budget.Leave();
        return value;
    }

    private List<Value> EvaluateAll(IReadOnlyList<Expression> expressions)
    {
        var values = new List<Value>(expressions.Count);
        foreach (var expression in expressions)
            values.Add(Evaluate(expression));
        return values;
    }

    private DictValue EvaluateDict(DictDisplay display)
    {
        var dict = NewDict();
        foreach (var (key, value) in display.Items)
            dict.Items[Evaluate(key)] = Evaluate(value);
        return dict;
    }

    private Value EvaluateConditional(Conditional conditional)
    {
        if (Operators.IsTrue(Evaluate(conditional.Condition)))
            return Evaluate(conditional.WhenTrue);
        return conditional.WhenFalse is null
            ? new UndefinedValue("the inline if-expression evaluated to false and no else section was defined")
            : Evaluate(conditional.WhenFalse);
    }

    private StringValue EvaluateConcatenation(Concatenation concatenation)
    {
        var text = new StringBuilder();
        foreach (var item in concatenation.Items)
        {
            text.Append(PythonText.Of(Evaluate(item), Budget));
            if (text.Length > Budget.Limits.TextLength)
                throw TemplateException.Limit($"{Budget.Limits.TextLength} characters in one text");
        }
        Budget.Text(text.Length);
        return new StringValue(text.ToString());
    }

    private BoolValue EvaluateComparison(Comparison comparison)
    {
        var left = Evaluate(comparison.First);
        foreach (var (operation, expression) in comparison.Rest)
        {
            var right = Evaluate(expression);
            if (!Holds(operation, left, right))
                return BoolValue.False;
            left = right;
        }
        return BoolValue.True;
    }

    public bool Holds(string operation, Value left, Value right) => operation switch
    {
        "==" => Operators.AreEqual(left, right),
        "!=" => !Operators.AreEqual(left, right),
        "<" => Operators.Compare(left, right, operation) < 0,
        "<=" => Operators.Compare(left, right, operation) <= 0,
        ">" => Operators.Compare(left, right, operation) > 0,
        ">=" => Operators.Compare(left, right, operation) >= 0,
        "in" => Operators.Contains(right, left),
        _ => !Operators.Contains(right, left),
    };

    /// <summary><c>value.name</c>: a method or attribute first, then a key of that name, as Jinja looks.</summary>
    public Value GetAttribute(Value target, string name)
    {
        Budget.Step(name.Length / 32);
        switch (target)
        {
            case UndefinedValue missing:
                throw missing.Used();
            case NamespaceValue space:
                return space.Attributes.TryGetValue(name, out var value) ? value : UndefinedValue.Member(target, name);
            case LoopValue loop:
                return loop.Find(name) ?? UndefinedValue.Member(target, name);
        }
        if (Methods.Find(target, name) is { } method)
            return method;
        return target is DictValue dict && dict.Items.TryGetValue(new StringValue(name), out var item) ? item : UndefinedValue.Member(target, name);
    }

    /// <summary><c>value[index]</c>: a key or index first, then an attribute of that name.</summary>
    public Value GetItem(Value target, Value index)
    {
        if (target is UndefinedValue missing)
            throw missing.Used();
        if (target is DictValue dict)
        {
            // An unhashable key is no fault here: Jinja answers with undefined.
            var isHashable = index is not (DictValue or SequenceValue { Kind: SequenceKind.List });
            if (isHashable && dict.Items.TryGetValue(index, out var value))
                return value;
        }
        else if (Operators.TryNumber(index, out var number) && number is IntValue position)
            return ElementAt(target, position.Number) ?? UndefinedValue.Element(target);
        return index is StringValue name ? GetAttribute(target, name.Text) : UndefinedValue.Element(target);
    }

    private Value? ElementAt(Value target, BigInteger position)
    {
        if (target is SequenceValue { IsIndexable: true } sequence)
            return Within(ref position, sequence.Items.Count) ? sequence.Items[(int)position] : null;
        if (target is not StringValue text)
            return null;
        Budget.Touch(text.Text);
        if (!Within(ref position, PythonText.Length(text.Text)))
            return null;
        return new StringValue(PythonText.Slice(text.Text, (int)position, (int)position + 1));
    }

    private static bool Within(ref BigInteger position, int length)
    {
        if (position.Sign < 0)
            position += length;
        return position.Sign >= 0 && position < length;
    }

    private Value EvaluateSlice(Slice slice)
    {
        var target = Evaluate(slice.Target);
        var start = EvaluateBound(slice.Start);
        var stop = EvaluateBound(slice.Stop);
        var step = EvaluateBound(slice.Step) ?? 1;
        if (target is UndefinedValue missing)
            throw missing.Used();
        if (step == 0)
            throw new TemplateException("slice step cannot be zero");
        if (target is StringValue { Text: var text })
        {
            Budget.Text(text.Length);
            if (step == 1)
                return new StringValue(PythonText.Slice(text, start, stop));
            Budget.Step(text.Length);
            return new StringValue(string.Concat(Pick(PythonText.CodePoints(text), start, stop, step)));
        }
        if (target is not SequenceValue { IsIndexable: true } sequence)
            throw new TemplateException($"'{target.TypeName}' object cannot be sliced");
        Budget.Step(sequence.Items.Count);
        return new SequenceValue(Pick(sequence.Items, start, stop, step), sequence.Kind == SequenceKind.Tuple ? SequenceKind.Tuple : SequenceKind.List);
    }

    private int? EvaluateBound(Expression? bound) => bound is null || Evaluate(bound) is not { } value || value is NoneValue
        ? null
        : Arguments.Number(value, "slice");

    private static List<T> Pick<T>(List<T> items, int? start, int? stop, int step)
    {
        var count = items.Count;
        // A bound from the left end backwards may be -1: just before the first item.
        var lowest = step < 0 ? -1 : 0;
        var highest = step < 0 ? count - 1 : count;
        long from = start is { } s ? Math.Clamp(s < 0 ? (long)s + count : s, lowest, highest) : step < 0 ? highest : lowest;
        long to = stop is { } e ? Math.Clamp(e < 0 ? (long)e + count : e, lowest, highest) : step < 0 ? lowest : highest;
        var picked = new List<T>();
        for (var i = from; step > 0 ? i < to : i > to; i += step)
            picked.Add(items[(int)i]);
        return picked;
    }

    private Value EvaluateCall(Call call)
    {
        var target = Evaluate(call.Target);
        var arguments = EvaluateArguments(call.Arguments);
        At = call.At;
        return Invoke(target, arguments);
    }

    public Value Invoke(Value target, Arguments arguments) => target switch
    {
        FunctionValue function => function.Invoke(this, arguments),
        UndefinedValue missing => throw missing.Used(),
        _ => throw new TemplateException($"'{target.TypeName}' object is not callable"),
    };

    private Arguments EvaluateArguments(CallArguments arguments)
    {
        if (ReferenceEquals(arguments, CallArguments.None))
            return Arguments.None;
        var positional = EvaluateAll(arguments.Positional);
        if (arguments.Spread is not null)
            positional.AddRange(Operators.Iterate(Evaluate(arguments.Spread)));
        var named = new Dictionary<string, Value>(StringComparer.Ordinal);
        foreach (var (name, value) in arguments.Named)
            named[name] = Evaluate(value);
        if (arguments.NamedSpread is not null)
        {
            if (Evaluate(arguments.NamedSpread) is not DictValue dict)
                throw new TemplateException("the argument after ** must be a mapping");
            foreach (var (key, value) in dict.Items)
            {
                if (!named.TryAdd(Arguments.Text(key, "**"), value))
                    throw new TemplateException($"got multiple values for argument '{Arguments.Text(key, "**")}'");
            }
        }
        return new Arguments(positional, named);
    }

    public Value ApplyFilter(string name, Value input, Arguments arguments)
    {
        if (Filters.Find(name) is not { } filter)
            throw new TemplateException($"there is no filter '{name}'");
        if (input is StringValue text)
            Budget.Touch(text.Text);
        return filter(this, input, arguments);
    }

    public bool ApplyTest(string name, Value input, Arguments arguments)
    {
        if (Tests.Find(name) is not { } test)
            throw new TemplateException($"there is no test '{name}'");
        if (input is StringValue text)
            Budget.Touch(text.Text);
        return test(this, input, arguments);
    }

    /// <summary>A chain of filters whose innermost input is the text of a block.</summary>
    private Value EvaluateWithInput(Expression filter, Value text)
    {
        var call = (FilterCall)filter;
        var input = call.Input is null ? text : EvaluateWithInput(call.Input, text);
        At = call.At;
        return ApplyFilter(call.Filter, input, EvaluateArguments(call.Arguments));
    }
}
