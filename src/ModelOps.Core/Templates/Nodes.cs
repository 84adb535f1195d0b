namespace ModelOps.Templates;

/// <summary>The syntax tree; it is immutable, so one parsed template may be rendered by many threads.</summary>
internal abstract record Node(Position At);

internal abstract record Expression(Position At) : Node(At);

internal sealed record Constant(Position At, Value Value) : Expression(At);

internal sealed record Name(Position At, string Identifier) : Expression(At);

internal sealed record TupleDisplay(Position At, IReadOnlyList<Expression> Items) : Expression(At);

internal sealed record ListDisplay(Position At, IReadOnlyList<Expression> Items) : Expression(At);

internal sealed record DictDisplay(Position At, IReadOnlyList<(Expression Key, Expression Value)> Items) : Expression(At);

internal sealed record Attribute(Position At, Expression Target, string Key) : Expression(At);

internal sealed record Subscript(Position At, Expression Target, Expression Index) : Expression(At);

internal sealed record Slice(Position At, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(At);

internal sealed record CallArguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Spread, Expression? NamedSpread)
{
    public static CallArguments None { get; } = new([], [], null, null);
}

internal sealed record Call(Position At, Expression Target, CallArguments Arguments) : Expression(At);

/// <summary><c>Input | Filter(Arguments)</c>; a null input stands for the text of the block that the filter is applied to.</summary>
internal sealed record FilterCall(Position At, Expression? Input, string Filter, CallArguments Arguments) : Expression(At);

internal sealed record TestCall(Position At, Expression Input, string Test, CallArguments Arguments) : Expression(At);

internal sealed record Unary(Position At, char Operator, Expression Operand) : Expression(At);

internal sealed record Binary(Position At, string Operator, Expression Left, Expression Right) : Expression(At);

/// <summary><c>a &lt; b &lt;= c</c>: every operand is evaluated once.</summary>
internal sealed record Comparison(Position At, Expression First, IReadOnlyList<(string Operator, Expression Right)> Rest) : Expression(At);

internal sealed record Concatenation(Position At, IReadOnlyList<Expression> Items) : Expression(At);

internal sealed record Conditional(Position At, Expression Condition, Expression WhenTrue, Expression? WhenFalse) : Expression(At);

internal sealed record Not(Position At, Expression Operand) : Expression(At);

internal sealed record And(Position At, Expression Left, Expression Right) : Expression(At);

internal sealed record Or(Position At, Expression Left, Expression Right) : Expression(At);

internal abstract record Target(Position At) : Node(At);

internal sealed record NameTarget(Position At, string Identifier) : Target(At);

internal sealed record TupleTarget(Position At, IReadOnlyList<Target> Items) : Target(At);

internal sealed record NamespaceTarget(Position At, string Identifier, string Key) : Target(At);

internal abstract record Statement(Position At) : Node(At);

internal sealed record Data(Position At, string Text) : Statement(At);

internal sealed record Output(Position At, Expression Value) : Statement(At);

internal sealed record Assign(Position At, Target Target, Expression Value) : Statement(At);

internal sealed record AssignBlock(Position At, Target Target, Expression? Filter, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record For(Position At, Target Target, Expression Items, Expression? Condition, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Otherwise) : Statement(At);

internal sealed record If(Position At, IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Otherwise) : Statement(At);

/// <summary>A macro. The last three tell whether its body uses <c>varargs</c>, <c>kwargs</c> and <c>caller</c>: only then may it be given them.</summary>
internal sealed record Macro(
    Position At,
    string Identifier,
    IReadOnlyList<(string Name, Expression? Default)> Parameters,
    IReadOnlyList<Statement> Body,
    bool CatchesPositional,
    bool CatchesNamed,
    bool UsesCaller) : Statement(At);

internal sealed record CallBlock(Position At, Macro Caller, Call Call) : Statement(At);

internal sealed record FilterBlock(Position At, Expression Filter, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record With(Position At, IReadOnlyList<(Target Target, Expression Value)> Bindings, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record Break(Position At) : Statement(At);

internal sealed record Continue(Position At) : Statement(At);
