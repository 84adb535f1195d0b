namespace ModelOps.Templates;

/// <summary>
/// A fault inside the language, still without a place. <see cref="ChatTemplate"/> is the only one that catches it: it adds line and column and
/// throws the <see cref="ModelOpsException"/> of the house.
/// </summary>
internal sealed class TemplateException(string message) : Exception(message)
{
    /// <summary>Where it happened, when the thrower knows better than the interpreter (lexer and parser do).</summary>
    public Position? At { get; init; }

    /// <summary>The template itself refused the conversation (<c>raise_exception</c>): the input is at fault, not the template.</summary>
    public bool RaisedByTemplate { get; init; }

    /// <summary>An operation on types it is not made for, worded as Python words it.</summary>
    public static TemplateException Operands(string operation, Value left, Value right)
        => new($"unsupported operand type(s) for {operation}: '{left.TypeName}' and '{right.TypeName}'");

    /// <summary>A limit of the sandbox was reached.</summary>
    public static TemplateException Limit(string what) => new($"the template exceeds the sandbox's limit of {what}");
}
