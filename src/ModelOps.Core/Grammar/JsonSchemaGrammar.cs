using ModelOps.Grammar;

namespace ModelOps;

/// <summary>
/// Turns a JSON schema (2020-12; what of draft 4 to 7 is spelled otherwise too) into a GBNF grammar for the engine: everything that is generated under it is
/// valid under the schema, or was cut off. Keywords that a grammar cannot promise are refused by name and place, instead of being left out silently.
/// </summary>
public static class JsonSchemaGrammar
{
    /// <summary>Schema of any JSON object or array.</summary>
    public const string AnySchema = """{ "type": ["object", "array"] }""";

    /// <summary>Any JSON object or array.</summary>
    public static string AnyJson { get; } = FromSchema(AnySchema);

    /// <summary>The grammar of a schema. Its time and size are bounded, whatever the schema.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidSchema"/>.</exception>
    public static string FromSchema(string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var grammar = GbnfWriter.Write(SchemaCompiler.Compile(SchemaDocument.Parse(schema)));
        if (grammar.Length > GbnfReader.LongestText)
            throw SchemaErrors.TooLarge($"{grammar.Length} characters");
        // Patterns are as people write them. Read again as the engine will.
        DerivationCheck.Check(GbnfReader.Read(grammar), problem => new ModelOpsException(ErrorKind.InvalidSchema, $"The JSON schema cannot be used as a grammar: {problem}.", $"Look at its patterns. {DerivationCheck.Hint}"));
        return grammar;
    }
}
