namespace ModelOps.Grammar;

/// <summary>What can be wrong with a schema or a grammar.</summary>
internal static class SchemaErrors
{
    public static ModelOpsException Invalid(string pointer, string problem, string? hint = null)
        => new(ErrorKind.InvalidSchema, $"The JSON schema is wrong at {Place(pointer)}: {problem}.", hint ?? "See json-schema.org for what schemas look like.");

    public static ModelOpsException Unsupported(string pointer, string what, string hint)
        => new(ErrorKind.InvalidSchema, $"The JSON schema asks at {Place(pointer)} for {what}, which cannot be promised while text is being generated.", hint);

    public static ModelOpsException TooLarge(string what)
        => new(ErrorKind.InvalidSchema, $"The JSON schema is too large for a grammar: it takes {what}.", "Ask for less at once, or for parts of it one after the other.");

    private static string Place(string pointer) => pointer.Length == 0 ? "its root" : $"'{pointer}'";
}
