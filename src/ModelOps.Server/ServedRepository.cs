using ModelOps.Hub;

namespace ModelOps.Server;

/// <summary>A file as it lies in a repository's folder, before anything is hashed.</summary>
/// <param name="Path">Path in the repository, with forward slashes.</param>
/// <param name="Content">Where the bytes are (a link is followed).</param>
internal sealed record FolderFile(string Path, FileInfo Content)
{
    /// <summary>Whether the hub would keep it outside git, as a .gitattributes says.</summary>
    public bool IsLarge => LargeFiles.Has(Path, Content.Length);
}

/// <summary>A file with its digests.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Content">Where the bytes are.</param>
/// <param name="GitId">Git's blob id: of the content, or of the pointer for a large file.</param>
/// <param name="Sha256">SHA-256 of a large file, else null.</param>
/// <param name="PointerBytes">Length of the pointer of a large file, else 0.</param>
internal sealed record ServedFile(string Path, FileInfo Content, string GitId, string? Sha256, int PointerBytes)
{
    public long Bytes => Content.Length;
}

/// <summary>What a repository is without its digests: enough for a search.</summary>
internal sealed record RepositoryFolder(string Name, IReadOnlyList<FolderFile> Files, ModelCard Card, ModelConfig Config)
{
    public string Author => Name.Split('/')[0];

    public DateTimeOffset LastModified => Files.Count == 0 ? DateTimeOffset.UnixEpoch : Files.Max(file => (DateTimeOffset)file.Content.LastWriteTimeUtc);

    public DateTimeOffset Created => Files.Count == 0 ? DateTimeOffset.UnixEpoch : Files.Min(file => (DateTimeOffset)file.Content.LastWriteTimeUtc);

    /// <summary>The tags that the hub derives: from the card, from what lies there, from the configuration.</summary>
    public IReadOnlyList<string> Tags { get; } = [.. DeriveTags(Files, Card, Config).Distinct(StringComparer.Ordinal)];

    public string? Pipeline => Card["pipeline_tag"];

    public string? Library => Card["library_name"];

    private static IEnumerable<string> DeriveTags(IReadOnlyList<FolderFile> files, ModelCard card, ModelConfig config)
    {
        if (card["library_name"] is { } library)
            yield return library;
        foreach (string format in (string[])["safetensors", "gguf", "onnx"])
        {
            if (files.Any(file => file.Path.EndsWith("." + format, StringComparison.OrdinalIgnoreCase)))
                yield return format;
        }
        if (config.ModelType is { } type)
            yield return type;
        if (card["pipeline_tag"] is { } pipeline)
            yield return pipeline;
        foreach (string tag in card.All("tags").Concat(card.All("language")))
            yield return tag;
        foreach (string key in (string[])["base_model", "license"])
        {
            foreach (string value in card.All(key))
                yield return $"{key}:{value}";
        }
        foreach (string value in card.All("datasets"))
            yield return $"dataset:{value}";
    }
}

/// <summary>A repository at its commit.</summary>
/// <param name="Folder">The folder it was made from.</param>
/// <param name="Commit">The commit, which follows from the content.</param>
/// <param name="Files">Files by path.</param>
/// <param name="Folders">Git's tree ids by path; "" is the root.</param>
internal sealed record RepositorySnapshot(RepositoryFolder Folder, string Commit, IReadOnlyDictionary<string, ServedFile> Files, IReadOnlyDictionary<string, string> Folders)
{
    private const int ShortestCommit = 7;

    /// <summary>Whether a branch, tag or commit (also shortened) names this snapshot; there is no other.</summary>
    public bool Has(string revision) =>
        revision is "main" or "HEAD" or "refs/heads/main"
        || (revision.Length >= ShortestCommit && Commit.StartsWith(revision, StringComparison.Ordinal));
}
