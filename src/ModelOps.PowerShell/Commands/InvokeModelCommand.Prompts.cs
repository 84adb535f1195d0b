using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <content>What is to be answered.</content>
public sealed partial class InvokeModelCommand
{
    private const string OfFile = "PromptPath";
    private const string OfLiteralFile = "LiteralPromptPath";

    /// <summary>What to answer; of objects from the pipeline their property Prompt.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByName)]
    [PromptTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>Files that hold a prompt each, with wildcards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByPath + OfFile)]
    [Parameter(Mandatory = true, ParameterSetName = ByName + OfFile)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] PromptPath { get; set; } = [];

    /// <summary>Files that hold a prompt each; no character is a wildcard.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByPath + OfLiteralFile)]
    [Parameter(Mandatory = true, ParameterSetName = ByName + OfLiteralFile)]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPromptPath { get; set; } = [];

    /// <summary>What the prompt is called; the answer carries it. A prompt from a file is called by its path.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Id { get; set; }

    /// <summary>Does the work for every prompt; an error of one is written and the next is taken.</summary>
    private Task ForEachPromptAsync(Func<Question, Task> work, CancellationToken cancellationToken)
    {
        return ParameterSetName switch
        {
            ByPath + OfFile or ByName + OfFile => ForEachAsync(PromptPath, async pattern => await ForEachAsync(await OnPipelineAsync(() => this.ExpandPath(pattern)), FromFileAsync)),
            ByPath + OfLiteralFile or ByName + OfLiteralFile => ForEachAsync(LiteralPromptPath, async path => await FromFileAsync(await OnPipelineAsync(() => this.ToFileSystemPath(path)))),
            _ => ForEachAsync(Prompt, async prompt => await work(await AskAsync(prompt, Id))),
        };

        async Task FromFileAsync(string file)
        {
            var prompt = await ReadFileAsync(file, cancellationToken);
            if (prompt.Length == 0)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"{file} is empty: there is no prompt in it.");
            }
            await work(await AskAsync(prompt, Id ?? file));
        }
    }

    private async Task<Question> AskAsync(string prompt, string? id)
    {
        if (Endpoint is not null)
        {
            return new Question(prompt, id, Wanted, Wish) { Remote = Connect(Wanted) };
        }
        var path = await OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(Wanted)));
        return new Question(prompt, id, path, WishFor(path));
    }

    /// <summary>A prompt, and the model that is to answer it.</summary>
    private sealed record Question(string Prompt, string? Id, string Path, FitRequest Wish)
    {
        /// <summary>The server that runs the model, where it does not run here.</summary>
        public OpenAiEndpoint? Remote { get; init; }
    }
}
