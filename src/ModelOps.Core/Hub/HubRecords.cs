namespace ModelOps;

/// <summary>How a search is sorted (descending).</summary>
public enum ModelSort
{
    /// <summary>What is talked about now.</summary>
    Trending,
    /// <summary>Downloads of the last 30 days.</summary>
    Downloads,
    /// <summary>Likes.</summary>
    Likes,
    /// <summary>Last change.</summary>
    LastModified,
    /// <summary>Creation.</summary>
    Created,
}

/// <summary>What to search the hub for.</summary>
public sealed record ModelQuery
{
    /// <summary>Words that the repository's name must contain.</summary>
    public string? Text { get; init; }
    /// <summary>User or organisation.</summary>
    public string? Author { get; init; }
    /// <summary>Tags that must all be there, such as <c>gguf</c>, <c>license:apache-2.0</c>.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
    /// <summary>Pipeline, such as <c>text-generation</c>.</summary>
    public string? Pipeline { get; init; }
    /// <summary>Order.</summary>
    public ModelSort Sort { get; init; } = ModelSort.Downloads;
    /// <summary>Most results; 0 means all.</summary>
    public int Limit { get; init; } = 20;
}

/// <summary>A repository in a search result.</summary>
/// <param name="Repository">Name, <c>org/repo</c>.</param>
/// <param name="Downloads">Downloads of the last 30 days.</param>
/// <param name="Likes">Likes.</param>
/// <param name="LastModified">Last change, when known.</param>
/// <param name="Pipeline">Pipeline, such as <c>text-generation</c>.</param>
/// <param name="License">Licence from the tags, or null.</param>
/// <param name="Gated">Whether access must be requested.</param>
/// <param name="Tags">All tags.</param>
public sealed record ModelSummary(string Repository, long Downloads, long Likes, DateTimeOffset? LastModified, string? Pipeline, string? License, bool Gated, IReadOnlyList<string> Tags);

/// <summary>A repository at a commit.</summary>
/// <param name="Repository">Name as the hub spells it today (renames are followed).</param>
/// <param name="Commit">Commit that the asked revision stands for.</param>
/// <param name="Summary">What a search would say of it.</param>
public sealed record RepositoryInfo(string Repository, string Commit, ModelSummary Summary);

/// <summary>A file of a repository at a commit.</summary>
/// <param name="Path">Path in the repository, with forward slashes.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">SHA-256 of the content for large files (LFS), else null.</param>
/// <param name="GitSha1">Git's blob id: for small files the digest of the content, for LFS files that of the pointer.</param>
public sealed record RepositoryFile(string Path, long Bytes, string? Sha256, string GitSha1)
{
    /// <summary>The name of the blob in the cache: <see cref="Sha256"/>, or <see cref="GitSha1"/> for small files.</summary>
    public string ETag => Sha256 ?? GitSha1;
}

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
