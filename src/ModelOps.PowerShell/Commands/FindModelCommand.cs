using System.Management.Automation;

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
        var query = new ModelQuery { Text = text.Length == 0 ? null : text, Author = Author, Tags = Tag, Pipeline = Pipeline, Sort = Sort, Limit = Limit };
        await foreach (var summary in Hub.SearchAsync(query, cancellationToken))
        {
            await WriteObjectAsync(summary);
        }
    }
}
