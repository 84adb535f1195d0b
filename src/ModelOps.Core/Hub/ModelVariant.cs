namespace ModelOps;

/// <summary>One quantization of a repository: the files that make one model.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Name">Name of the variant: a quantization type such as <c>Q4_K_M</c>, or <c>safetensors</c> for a checkpoint.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Bytes">Size of all its files.</param>
/// <param name="Files">The files: the weights (all shards), and for a checkpoint configuration and tokenizer too.</param>
public sealed record ModelVariant(string Repository, string Commit, string Name, ModelKind Kind, long Bytes, IReadOnlyList<RepositoryFile> Files)
{
    /// <summary>Whether it fits this machine at a moderate context; null when that was not asked or cannot be told.</summary>
    public bool? Fits { get; init; }
}

/// <summary>What a model is stored as.</summary>
public enum ModelKind
{
    /// <summary>One GGUF file, or its shards.</summary>
    Gguf,
    /// <summary>safetensors with config.json and a tokenizer.</summary>
    Checkpoint,
}
