using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Find-Model: searches the hub.</summary>
[Cmdlet(VerbsCommon.Find, "Model")]
[OutputType(typeof(ModelSummary))]
public sealed class FindModelCommand : HubCmdlet
{
    /// <summary>Words that the repository's name must contain.</summary>
    [Parameter(Position = 0, ValueFromRemainingArguments = true, ValueFromPipeline = true)]
    [Alias("Text", "Name")]
    public string[] Query { get; set; } = [];

    /// <summary>User or organisation.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Author { get; set; }

    /// <summary>Tags that must all be there.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Tag { get; set; } = [];

    /// <summary>Only repositories that hold GGUF files.</summary>
    [Parameter]
    public SwitchParameter GgufOnly { get; set; }

    /// <summary>Fewest parameters.</summary>
    [Parameter]
    [ParameterCountTransformation]
    [ValidateRange(0, long.MaxValue)]
    public long? MinimumParameters { get; set; }

    /// <summary>Most parameters.</summary>
    [Parameter]
    [ParameterCountTransformation]
    [ValidateRange(0, long.MaxValue)]
    public long? MaximumParameters { get; set; }

    /// <summary>Licence.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? License { get; set; }

    /// <summary>Code of the language that the model is made for.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Language { get; set; }

    /// <summary>Repository that the models were made from.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string? BaseModel { get; set; }

    /// <summary>Whether access must be requested.</summary>
    [Parameter]
    public bool? Gated { get; set; }

    /// <summary>Pipeline, such as text-generation.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Pipeline { get; set; }

    /// <summary>Order, descending.</summary>
    [Parameter]
    public ModelSort Sort { get; set; } = ModelSort.Downloads;

    /// <summary>Most results; 0 means all.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int Limit { get; set; } = 20;

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var text = string.Join(' ', Query);
        var query = new ModelQuery
        {
            Text = text.Length == 0 ? null : text,
            Author = Author,
            Tags = Tag,
            GgufOnly = GgufOnly,
            MinimumParameters = MinimumParameters,
            MaximumParameters = MaximumParameters,
            License = License,
            Language = Language,
            BaseModel = BaseModel,
            Gated = Gated,
            Pipeline = Pipeline,
            Sort = Sort,
            Limit = Limit,
        };
        await foreach (var summary in Hub.SearchAsync(query, cancellationToken))
        {
            await WriteObjectAsync(summary);
        }
    }
}
