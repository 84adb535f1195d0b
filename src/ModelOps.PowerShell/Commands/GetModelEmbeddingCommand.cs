using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelEmbedding: the vectors of texts, by a model in the session's worker or on a server elsewhere.</summary>
[Cmdlet(VerbsCommon.Get, "ModelEmbedding")]
[OutputType(typeof(TextEmbedding))]
public sealed class GetModelEmbeddingCommand : TextCmdlet
{
    private readonly List<(string Text, string? Id, string Path)> _texts = [];
    private float[]? _reference;
    private string? _referenceModel;

    /// <summary>The texts; of objects from the pipeline their property Text.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [PromptTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Text { get; set; } = [];

    /// <summary>What the text is called; its vector carries it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    [AllowEmptyString]
    public string? Id { get; set; }

    /// <summary>How the vectors of a text's tokens become one; the model's own way when left out.</summary>
    [Parameter]
    public PoolingKind? Pooling { get; set; }

    /// <summary>Leave vectors as long as they are, instead of bringing them to length 1.</summary>
    [Parameter]
    public SwitchParameter NoNormalize { get; set; }

    /// <summary>Give the cosine of each text's vector with the vector of this text.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SimilarTo { get; set; }

    private protected override IEnumerable<string> LocalOnly => [.. base.LocalOnly, nameof(Pooling)];

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var path = await ResolveAsync(cancellationToken);
        if (_texts.Count > 0 && _texts[0].Path != path)
        {
            await ReadAsync(cancellationToken);
        }
        _texts.AddRange(Text.Select(text => (text, Id, path)));
        if (_texts.Count >= TextEmbedder.BatchSize)
        {
            await ReadAsync(cancellationToken);
        }
    }

    private protected override Task EndAsync(CancellationToken cancellationToken) => ReadAsync(cancellationToken);

    /// <summary>Reads the texts that have come together, all with one model, and writes their vectors.</summary>
    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        if (_texts.Count == 0)
        {
            return;
        }
        var (texts, path) = (_texts.ToList(), _texts[0].Path);
        _texts.Clear();
        var outcomes = await UseAsync(path, inference => EmbedAsync(inference, texts, path, cancellationToken), cancellationToken);
        foreach (var (text, outcome) in texts.Zip(outcomes))
        {
            try
            {
                var vector = await outcome;
                await WriteObjectAsync(new TextEmbedding(text.Text, vector, _reference is null ? null : Similarity.Cosine(vector, _reference), path, text.Id));
            }
            catch (Exception e) when (IsItemError(e))
            {
                await WriteErrorAsync(e, text.Text);
            }
        }
    }

    private async Task<IReadOnlyList<Task<float[]>>> EmbedAsync(IInference inference, List<(string Text, string? Id, string Path)> texts, string path, CancellationToken cancellationToken)
    {
        var embedder = new TextEmbedder(inference, new EmbeddingRequest { Pooling = Pooling, Normalize = !NoNormalize }, cancellationToken);
        if (SimilarTo is not null && _referenceModel != path)
        {
            (_reference, _referenceModel) = (await embedder.EmbedAsync(SimilarTo), path);
        }
        List<Task<float[]>> vectors = [.. texts.Select(text => embedder.EmbedAsync(text.Text))];
        await ((Task)Task.WhenAll(vectors)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return vectors;
    }
}
