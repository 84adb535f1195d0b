using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Select-ModelDocument: the documents that answer a query best, as a model that was trained to judge says.</summary>
[Cmdlet(VerbsCommon.Select, "ModelDocument")]
[OutputType(typeof(RankedDocument))]
public sealed class SelectModelDocumentCommand : TextCmdlet
{
    private readonly List<(string Document, string? Id)> _documents = [];
    private string? _path;

    /// <summary>What the documents are judged by.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Query { get; set; } = "";

    /// <summary>The documents; of objects from the pipeline their property Document or Text.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Text")]
    [PromptTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Document { get; set; } = [];

    /// <summary>What the document is called; its rank carries it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Id { get; set; }

    /// <summary>The best so many; all when left out.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; } = int.MaxValue;

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        _path ??= await ResolveAsync(cancellationToken);
        _documents.AddRange(Document.Select(document => (document, Id)));
    }

    private protected override async Task EndAsync(CancellationToken cancellationToken)
    {
        if (_path is null)
        {
            return;
        }
        var request = new RerankRequest { Query = Query, Documents = [.. _documents.Select(document => document.Document)] };
        var result = await UseAsync(_path, inference => inference.RerankAsync(request, cancellationToken), cancellationToken);
        foreach (var document in Ranking.Of(_documents, result.Scores, _path).Take(First))
        {
            await WriteObjectAsync(document);
        }
    }
}
