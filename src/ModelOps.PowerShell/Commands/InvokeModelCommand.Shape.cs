using System.Collections;
using System.Management.Automation;
using System.Text.Json;

namespace ModelOps.PowerShell.Commands;

/// <summary>What Invoke-Model writes.</summary>
public enum AnswerFormat
{
    /// <summary>A result with the text and its figures.</summary>
    Result,
    /// <summary>The text alone, which is JSON.</summary>
    Json,
    /// <summary>The objects that the JSON describes.</summary>
    Object,
}

/// <content>What the answer must look like.</content>
public sealed partial class InvokeModelCommand
{
    /// <summary>Json makes the model answer in JSON and writes its text, Object writes the objects that it describes.</summary>
    [Parameter]
    public AnswerFormat As { get; set; }

    /// <summary>JSON schema that the answer is valid under: a hashtable, its text, or a file.</summary>
    [Parameter]
    [ValidateNotNull]
    public object? Schema { get; set; }

    /// <summary>Grammar (GBNF) that the answer obeys: its text, or a file.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Grammar { get; set; }

    private string? _grammar;
    private string? _schema;

    private async Task ReadShapeAsync(CancellationToken cancellationToken)
    {
        if (Grammar is not null && (Schema is not null || As != AnswerFormat.Result))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "-Grammar excludes -Schema and -As: an answer has one shape.", "Leave one of them out.");
        }
        if (Stream && As == AnswerFormat.Object)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "-Stream and -As Object exclude each other: an object is there when its last brace is.", "Leave -Stream out.");
        }
        if (Grammar is not null)
        {
            _grammar = Grammar.Contains("::=", StringComparison.Ordinal) ? Grammar : await ReadFileAsync(Grammar, cancellationToken);
            GbnfGrammar.Check(_grammar);
        }
        else if (Schema is not null)
        {
            _schema = await SchemaTextAsync(Schema, cancellationToken);
            _grammar = JsonSchemaGrammar.FromSchema(_schema);
        }
        else if (As != AnswerFormat.Result)
        {
            (_grammar, _schema) = (JsonSchemaGrammar.AnyJson, JsonSchemaGrammar.AnySchema);
        }
    }

    private async Task<string> SchemaTextAsync(object schema, CancellationToken cancellationToken)
    {
        var given = schema is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : schema;
        if (given is string text)
        {
            return text.TrimStart().StartsWith('{') ? text : await ReadFileAsync(text, cancellationToken);
        }
        return given is IDictionary or PSObject
            ? JsonSerializer.Serialize(JsonObjects.From(given))
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"-Schema is a {given.GetType().Name}.", "Give a hashtable, the schema's JSON, or a file that holds it.");
    }

    private async Task<string> ReadFileAsync(string file, CancellationToken cancellationToken)
    {
        var path = await OnPipelineAsync(() => this.ToFileSystemPath(file));
        try
        {
            return await File.ReadAllTextAsync(path, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{path} cannot be read: {exception.Message}", null, exception);
        }
    }

    private Task WriteAnswerAsync(GenerationResult result)
    {
        if (_grammar is not null && As != AnswerFormat.Result)
        {
            result.RequireWhole();
        }
        return As switch
        {
            // A grammar without a schema gives an object or an array; only a schema of nulls gives null.
            AnswerFormat.Object => JsonObjects.Read(result.Text) is { } item ? WriteObjectAsync(item) : Task.CompletedTask,
            AnswerFormat.Json => WriteObjectAsync(result.Text),
            _ => WriteObjectAsync(result),
        };
    }
}
