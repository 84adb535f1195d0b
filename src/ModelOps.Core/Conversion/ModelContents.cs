namespace ModelOps.Conversion;

/// <summary>
/// What an output file will hold, before types are chosen and it is laid out: the metadata and where each tensor comes from. Every kind of
/// source (a checkpoint, a GGUF, an adapter) is read into one.
/// </summary>
internal sealed record ModelContents
{
    /// <summary>What is converted: a folder, a file, a repository.</summary>
    public required string Source { get; init; }

    /// <summary>GGUF architecture.</summary>
    public required string Architecture { get; init; }

    /// <summary>The output's metadata.</summary>
    public required GgufMetadata Metadata { get; init; }

    /// <summary>The output's tensors, in file order.</summary>
    public required IReadOnlyList<NamedSource> Tensors { get; init; }

    /// <summary>What its user should know, in sentences.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The files with the weights, which the output must not replace.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>The files with their digests, when they are not on this disk; null when they are.</summary>
    public IReadOnlyList<ConversionInput>? Inputs { get; init; }

    /// <summary>The repository and commit of a source that is not on this disk.</summary>
    public Snapshot? Snapshot { get; init; }

    /// <summary>How the types of the tensors are chosen.</summary>
    public TypeRules Rules { get; init; }

    /// <summary>Paths of further files that shaped the output: configuration, tokenizer, model card.</summary>
    public IReadOnlyList<string> OtherFiles { get; init; } = [];

    /// <summary>Names of the source's tensors in the order that the files hold them, so that disks read forward; empty when that is not known.</summary>
    public IReadOnlyList<string> ReadOrder { get; init; } = [];

    /// <summary>Where the weights are read from.</summary>
    public IWeightLocation Weights { get; init; } = LocalFiles.Location;

    /// <summary>How the source is quantised, for people; null when it is not, or says so itself (a GGUF).</summary>
    public string? Quantization { get; init; }

    /// <summary>The adapters that are merged into the tensors.</summary>
    public IReadOnlyList<MergedAdapter> Merged { get; init; } = [];
}
