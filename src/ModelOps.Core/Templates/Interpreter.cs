using System.Text;

namespace ModelOps.Templates;

/// <summary>Walks the syntax tree of one template for one rendering. This part executes statements.</summary>
internal sealed partial class Interpreter
{
    private readonly Scope _root;
    private Scope _scope;
    private StringBuilder _output = new();

    public Interpreter(Budget budget, DateTimeOffset? now)
    {
        Budget = budget;
        Operators = new Operators(budget);
        Arithmetic = new Arithmetic(budget);
        _root = new Scope(null);
        Globals.Define(_root, now);
        _scope = _root;
    }

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    public Budget Budget { get; }

    public Operators Operators { get; }

    public Arithmetic Arithmetic { get; }

    /// <summary>The node last begun: where a fault is.</summary>
    public Position At { get; private set; }

    public DictValue NewDict() => new(Operators);

    public void Define(string name, Value value) => _root.Set(name, value);

    public string Render(IReadOnlyList<Statement> body)
    {
        // The template's own names lie over the given ones, as in Jinja.
        _scope = new Scope(_root);
        Execute(body);
        return _output.ToString();
    }

    private Flow Execute(IReadOnlyList<Statement> body)
    {
        foreach (var statement in body)
        {
            var flow = Execute(statement);
            if (flow != Flow.Next)
                return flow;
        }
        return Flow.Next;
    }

    private Flow Execute(Statement statement)
    {
        Budget.Enter();
        At = statement.At;
        var flow = Flow.Next;
        switch (statement)
        {
            case Data data: Write(data.Text); break;
            case Output output: Write(PythonText.Of(Evaluate(output.Value), Budget)); break;
            case Assign assign: Set(assign.Target, Evaluate(assign.Value)); break;
            case If branch: flow = ExecuteIf(branch); break;
            case For loop: ExecuteFor(loop); break;
            case Macro macro: _scope.Set(macro.Identifier, Close(macro)); break;
            case AssignBlock block: ExecuteAssignBlock(block); break;
            case FilterBlock block: Write(PythonText.Of(EvaluateWithInput(block.Filter, CaptureInScope(block.Body)), Budget)); break;
            case CallBlock block: ExecuteCallBlock(block); break;
            case With with: flow = ExecuteWith(with); break;
            case Break: flow = Flow.Break; break;
            case Continue: flow = Flow.Continue; break;
            default: throw new InvalidOperationException($"No rule for {statement.GetType().Name}.");
        }
        Budget.Leave();
        return flow;
    }

    private void Write(string text)
    {
        if (_output.Length + (long)text.Length > Budget.Limits.TextLength)
            throw TemplateException.Limit($"{Budget.Limits.TextLength} characters in one text");
        Budget.Text(text.Length);
        _output.Append(text);
    }

    private Flow ExecuteIf(If branch)
    {
        foreach (var (condition, body) in branch.Branches)
        {
            if (Operators.IsTrue(Evaluate(condition)))
                return Execute(body);
        }
        return Execute(branch.Otherwise);
    }

    private void ExecuteFor(For loop)
    {
        var items = Operators.Iterate(Evaluate(loop.Items));
        var outer = _scope;
        if (loop.Condition is not null)
        {
            items = items.FindAll(item =>
            {
                _scope = new Scope(outer);
                Set(loop.Target, item);
                return Operators.IsTrue(Evaluate(loop.Condition));
            });
            _scope = outer;
        }
        if (items.Count == 0)
        {
            _scope = new Scope(outer);
            Execute(loop.Otherwise);
            _scope = outer;
            return;
        }
        var state = new LoopValue(items);
        for (; state.Index < items.Count; state.Index++)
        {
            _scope = new Scope(outer);
            _scope.Set("loop", state);
            Set(loop.Target, items[state.Index]);
            if (Execute(loop.Body) == Flow.Break)
                break;
        }
        _scope = outer;
    }

    private Flow ExecuteWith(With with)
    {
        var outer = _scope;
        var inner = new Scope(outer);
        foreach (var (target, value) in with.Bindings)
        {
            // Every value is evaluated outside: one binding does not see another.
            _scope = outer;
            var evaluated = Evaluate(value);
            _scope = inner;
            Set(target, evaluated);
        }
        _scope = inner;
        var flow = Execute(with.Body);
        _scope = outer;
        return flow;
    }

    private void ExecuteAssignBlock(AssignBlock block)
    {
        Value text = CaptureInScope(block.Body);
        Set(block.Target, block.Filter is null ? text : EvaluateWithInput(block.Filter, text));
    }

    private void ExecuteCallBlock(CallBlock block)
    {
        var target = Evaluate(block.Call.Target);
        var arguments = EvaluateArguments(block.Call.Arguments);
        var named = new Dictionary<string, Value>(arguments.Named) { ["caller"] = Close(block.Caller) };
        Write(PythonText.Of(Invoke(target, new Arguments(arguments.Positional, named)), Budget));
    }

    private StringValue CaptureInScope(IReadOnlyList<Statement> body)
    {
        var outer = _scope;
        _scope = new Scope(outer);
        var text = Capture(body);
        _scope = outer;
        return text;
    }

    private StringValue Capture(IReadOnlyList<Statement> body)
    {
        var output = _output;
        _output = new StringBuilder();
        Execute(body);
        var text = _output.ToString();
        _output = output;
        return new StringValue(text);
    }

    private void Set(Target target, Value value)
    {
        switch (target)
        {
            case NameTarget name:
                _scope.Set(name.Identifier, value);
                break;
            case NamespaceTarget attribute:
                if (_scope.Find(attribute.Identifier) is not NamespaceValue space)
                    throw new TemplateException("cannot assign attribute on non-namespace object");
                space.Attributes[attribute.Key] = value;
                break;
            case TupleTarget tuple:
                var items = value is UndefinedValue missing ? throw missing.Used() : Operators.Iterate(value);
                if (items.Count != tuple.Items.Count)
                    throw new TemplateException($"{(items.Count < tuple.Items.Count ? "not enough" : "too many")} values to unpack (expected {tuple.Items.Count})");
                for (var i = 0; i < items.Count; i++)
                    Set(tuple.Items[i], items[i]);
                break;
        }
    }

    /// <summary>A macro with the names around its definition: it sees what they hold when it is called.</summary>
    private FunctionValue Close(Macro macro)
    {
        var definedIn = _scope;
        return new FunctionValue(macro.Identifier, (_, arguments) => CallMacro(macro, definedIn, arguments));
    }

    private StringValue CallMacro(Macro macro, Scope definedIn, Arguments arguments)
    {
        if (arguments.Positional.Count > macro.Parameters.Count && !macro.CatchesPositional)
            throw new TemplateException($"macro '{macro.Identifier}' takes not more than {macro.Parameters.Count} argument(s)");
        var caller = _scope;
        _scope = new Scope(definedIn);
        var named = new Dictionary<string, Value>(arguments.Named);
        for (var i = 0; i < macro.Parameters.Count; i++)
        {
            var (name, fallback) = macro.Parameters[i];
            if (i < arguments.Positional.Count)
                _scope.Set(name, arguments.Positional[i]);
            else if (named.Remove(name, out var value))
                _scope.Set(name, value);
            else
                _scope.Set(name, fallback is null ? new UndefinedValue($"parameter '{name}' was not provided") : Evaluate(fallback));
        }
        SetSpecialNames(macro, arguments, named);
        var text = Capture(macro.Body);
        _scope = caller;
        return text;
    }

    private void SetSpecialNames(Macro macro, Arguments arguments, Dictionary<string, Value> named)
    {
        if (macro.UsesCaller && !macro.Parameters.Any(p => p.Name == "caller"))
            _scope.Set("caller", named.Remove("caller", out var given) ? given : new UndefinedValue("No caller defined"));
        if (macro.CatchesPositional)
            _scope.Set("varargs", SequenceValue.Tuple([.. arguments.Positional.Skip(macro.Parameters.Count)]));
        if (macro.CatchesNamed)
        {
            var rest = NewDict();
            foreach (var (key, value) in named)
                rest.Items[new StringValue(key)] = value;
            _scope.Set("kwargs", rest);
        }
        else if (named.Count > 0)
            throw new TemplateException($"macro '{macro.Identifier}' takes no keyword argument '{named.Keys.First()}'");
    }
}
