using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary>What an answer must look like: the options of <c>run</c> that make a grammar.</summary>
internal sealed class AnswerShape
{
    private readonly Option<bool> _json = new("--json") { Description = "Answer in JSON: an object or an array." };
    private readonly Option<string?> _schema = new("--schema") { Description = "Answer in JSON that is valid under a JSON schema: a file, or the schema itself.", HelpName = "FILE|JSON" };
    private readonly Option<string?> _grammar = new("--grammar") { Description = "Answer as a grammar (GBNF) has it.", HelpName = "FILE" };

    public IEnumerable<Option> Options => [_json, _schema, _grammar];

    /// <summary>Whether the answer is to be JSON.</summary>
    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json) || parsed.GetValue(_schema) is not null;

    /// <summary>The grammar, and the schema that it was made from; null leaves the answer free.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.InvalidSchema"/>, <see cref="ErrorKind.InvalidGrammar"/>, or the file's.</exception>
    public async Task<(string? Grammar, string? Schema)> ReadAsync(CommandContext context, ParseResult parsed, CancellationToken cancellationToken)
    {
        var (schema, grammar) = (parsed.GetValue(_schema), parsed.GetValue(_grammar));
        if (grammar is not null && IsJson(parsed))
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--grammar excludes --json and --schema: an answer has one shape.", "Leave one of them out.");
        if (grammar is not null)
        {
            var text = await context.ReadTextAsync(grammar, cancellationToken);
            GbnfGrammar.Check(text);
            return (text, null);
        }
        if (schema is not null)
        {
            var text = schema.TrimStart().StartsWith('{') ? schema : await context.ReadTextAsync(schema, cancellationToken);
            return (JsonSchemaGrammar.FromSchema(text), text);
        }
        return IsJson(parsed) ? (JsonSchemaGrammar.AnyJson, JsonSchemaGrammar.AnySchema) : (null, null);
    }
}
