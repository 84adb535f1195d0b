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
        return GbnfWriter.Write(SchemaCompiler.Compile(SchemaDocument.Parse(schema)));
    }
}
