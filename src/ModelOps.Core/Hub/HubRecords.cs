namespace ModelOps;

/// <summary>A repository in a search result.</summary>
/// <param name="Repository">Name, <c>org/repo</c>.</param>
/// <param name="Downloads">Downloads of the last 30 days.</param>
/// <param name="Likes">Likes.</param>
/// <param name="LastModified">Last change, when known.</param>
/// <param name="Pipeline">Pipeline, such as <c>text-generation</c>.</param>
/// <param name="License">Licence from the tags, or null.</param>
/// <param name="Gated">Whether access must be requested.</param>
/// <param name="Tags">All tags.</param>
public sealed record ModelSummary(string Repository, long Downloads, long Likes, DateTimeOffset? LastModified, string? Pipeline, string? License, bool Gated, IReadOnlyList<string> Tags)
{
    /// <summary>Who grants access to a gated repository: <c>auto</c> (at once) or <c>manual</c> (its owner, after a look); null when it is not gated.</summary>
    public string? GatedApproval { get; init; }
    /// <summary>Number of weights, as the hub read it from the files' headers; null when it does not know.</summary>
    public long? Parameters { get; init; }
    /// <summary>GGUF architecture, or the checkpoint's model type; null when not known.</summary>
    public string? Architecture { get; init; }
    /// <summary>Context it was trained for, in tokens; only known of GGUF files.</summary>
    public long? ContextLength { get; init; }
    /// <summary>Library that it is made for, such as <c>transformers</c>.</summary>
    public string? Library { get; init; }
    /// <summary>Repositories that it was made from, as its card says.</summary>
    public IReadOnlyList<string> BaseModels { get; init; } = [];
}

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

/// <summary>What kind of name a reference is.</summary>
public enum ReferenceKind
{
    /// <summary>A branch, which moves.</summary>
    Branch,
    /// <summary>A tag.</summary>
    Tag,
    /// <summary>A branch that the hub made itself, such as a conversion to Parquet.</summary>
    Convert,
}

/// <summary>A name that stands for a commit of a repository.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Name">Name, as a revision takes it: <c>main</c>, <c>v1.0</c>.</param>
/// <param name="Kind">Branch, tag, or a conversion of the hub.</param>
/// <param name="Commit">Commit that it stands for now.</param>
public sealed record RepositoryReference(string Repository, string Name, ReferenceKind Kind, string Commit);
