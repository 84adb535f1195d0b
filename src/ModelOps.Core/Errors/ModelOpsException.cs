namespace ModelOps;

/// <summary>
/// The one exception of ModelOps: what went wrong, with a stable id, and what to do about it. Front ends map it to an ErrorRecord or to
/// JSON and an exit code.
/// </summary>
public sealed class ModelOpsException : Exception
{
    /// <summary>Creates an error of a kind; <paramref name="hint"/> is a sentence that tells the user what to do next.</summary>
    public ModelOpsException(ErrorKind kind, string message, string? hint = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Kind = kind;
        Hint = hint;
    }

    /// <summary>What went wrong.</summary>
    public ErrorKind Kind { get; }

    /// <summary>The stable id scripts match on: the name of <see cref="Kind"/>.</summary>
    public string ErrorId => Kind.ToString();

    /// <summary>What to do about it, or null.</summary>
    public string? Hint { get; }
}
