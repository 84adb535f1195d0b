using System.Globalization;
using System.Text.Json;
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
/// <param name="Bytes">Size.</param>
/// <param name="GitId">Git's blob id: of the content, or of the pointer for a large file.</param>
/// <param name="Sha256">SHA-256 of a large file, else null.</param>
/// <param name="PointerBytes">Length of the pointer of a large file, else 0.</param>
internal sealed record ServedFile(string Path, long Bytes, string GitId, string? Sha256, int PointerBytes)
{
    /// <summary>The digest that clients name and check it by.</summary>
    public string ETag => Sha256 ?? GitId;

    public static ServedFile Small(string path, long bytes, string gitId) => new(path, bytes, gitId, null, 0);

    public static ServedFile Large(string path, long bytes, string sha256)
    {
        byte[] pointer = GitObjects.LfsPointer(sha256, bytes);
        return new ServedFile(path, bytes, GitObjects.BlobId(pointer), sha256, pointer.Length);
    }
}

/// <summary>What a repository is without its digests: enough for a search.</summary>
/// <param name="Name">Name.</param>
/// <param name="Files">The files that are here.</param>
/// <param name="Card">From its README.md.</param>
/// <param name="Config">From its config.json.</param>
/// <param name="Model">Model info as the hub gave it, which knows better; or null.</param>
internal sealed record RepositoryFolder(string Name, IReadOnlyList<FolderFile> Files, ModelCard Card, ModelConfig Config, JsonElement? Model)
{
    public string? Author => Name.Contains('/') ? Name.Split('/')[0] : null;

    public DateTimeOffset LastModified => Time("lastModified") ?? (Files.Count == 0 ? DateTimeOffset.UnixEpoch : Files.Max(file => (DateTimeOffset)file.Content.LastWriteTimeUtc));

    public DateTimeOffset Created => Time("createdAt") ?? (Files.Count == 0 ? DateTimeOffset.UnixEpoch : Files.Min(file => (DateTimeOffset)file.Content.LastWriteTimeUtc));

    /// <summary>The hub's tags, or those that it would derive: from the card, from what lies there, from the configuration.</summary>
    public IReadOnlyList<string> Tags { get; } = Model?.TryGetProperty("tags", out JsonElement tags) == true && tags.ValueKind == JsonValueKind.Array
        ? [.. tags.EnumerateArray().Select(tag => tag.ToString())]
        : [.. DeriveTags(Files, Card, Config).Distinct(StringComparer.Ordinal)];

    public bool IsGated => Model?.TryGetProperty("gated", out JsonElement gated) == true && gated.ValueKind is JsonValueKind.True or JsonValueKind.String;

    public string? Pipeline => Text("pipeline_tag") ?? Card["pipeline_tag"];

    public string? Library => Text("library_name") ?? Card["library_name"];

    public static RepositoryFolder Of(string name, IReadOnlyList<FolderFile> files, JsonElement? model)
    {
        string? Local(string path) => files.FirstOrDefault(file => file.Path == path)?.Content.FullName;
        return new RepositoryFolder(
            name,
            files,
            Local("README.md") is { } readme ? ModelCard.Read(readme) : ModelCard.Empty,
            Local("config.json") is { } config ? ModelConfig.Read(config) : ModelConfig.Empty,
            model);
    }

    private DateTimeOffset? Time(string key) => DateTimeOffset.TryParse(Text(key), CultureInfo.InvariantCulture, out DateTimeOffset time) ? time : null;

    private string? Text(string key) => Model?.TryGetProperty(key, out JsonElement value) == true && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

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
/// <param name="Commit">The commit.</param>
/// <param name="Files">Files by path.</param>
/// <param name="Folders">Git's tree ids by path; "" is the root.</param>
internal sealed record RepositorySnapshot(RepositoryFolder Folder, string Commit, IReadOnlyDictionary<string, ServedFile> Files, IReadOnlyDictionary<string, string> Folders)
{
    /// <param name="folder">The folder.</param>
    /// <param name="commit">The commit; null makes one that follows from the content.</param>
    /// <param name="files">The files, here or not.</param>
    public static RepositorySnapshot Of(RepositoryFolder folder, string? commit, IReadOnlyCollection<ServedFile> files)
    {
        var byPath = new SortedDictionary<string, ServedFile>(files.ToDictionary(file => file.Path), StringComparer.Ordinal);
        SortedDictionary<string, string> folders = GitObjects.FolderIds(files.Select(file => KeyValuePair.Create(file.Path, file.GitId)));
        return new RepositorySnapshot(folder, commit ?? GitObjects.CommitId(folders[""]), byPath, folders);
    }
}
