using System.Text.Json;
using System.Text.Json.Serialization;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// The digests of a commit's files where no link names them: in stores without links a file loses its digest with its blob's name. Ours are kept in
/// <c>.modelops/commit.digests.json</c>; huggingface_hub keeps those of all files in <c>trees/commit.json</c>.
/// </summary>
internal static class SnapshotDigests
{
    /// <summary>The digests that are on record, by path.</summary>
    public static IReadOnlyDictionary<string, string> Read(StoreLayout layout, string repository, string commit)
    {
        var digests = new Dictionary<string, string>(StringComparer.Ordinal);
        if (ReadJson(layout.Tree(repository, commit), SnapshotDigestsJson.Default.HubTree) is { FormatVersion: 1, Files: { } tree })
        {
            foreach ((string path, HubTreeFile? file) in tree)
                Add(digests, path, file?.Sha256 ?? file?.BlobId);
        }
        if (ReadJson(Record(layout, repository, commit), SnapshotDigestsJson.Default.DigestRecord) is { Version: DigestRecord.CurrentVersion, Files: { } own })
        {
            foreach ((string path, string? digest) in own)
                Add(digests, path, digest);
        }
        return digests;
    }

    /// <summary>Adds to the record.</summary>
    public static void Write(StoreLayout layout, string repository, string commit, IEnumerable<(string Path, string ETag)> files)
    {
        string path = Record(layout, repository, commit);
        var all = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        if (ReadJson(path, SnapshotDigestsJson.Default.DigestRecord) is { Version: DigestRecord.CurrentVersion, Files: { } before })
        {
            foreach ((string name, string? digest) in before)
                all[name] = digest;
        }
        foreach ((string name, string digest) in files)
            all[name] = digest;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string next = $"{path}.{Path.GetRandomFileName()}{SnapshotLink.PartialSuffix}";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(new DigestRecord(DigestRecord.CurrentVersion, all), SnapshotDigestsJson.Default.DigestRecord));
        File.Move(next, path, overwrite: true);
    }

    /// <summary>Where ours are.</summary>
    public static string Record(StoreLayout layout, string repository, string commit) => Path.Combine(layout.Private(repository), commit + ".digests.json");

    private static void Add(Dictionary<string, string> digests, string path, string? digest)
    {
        if (digest is not null && BlobDigest.IsDigest(digest))
            digests[path] = digest;
    }

    private static T? ReadJson<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null; // another tool's, or cut off: then nothing is on record, which the caller says
        }
    }
}

internal sealed record DigestRecord(int Version, SortedDictionary<string, string?>? Files)
{
    public const int CurrentVersion = 1;
}

internal sealed record HubTree([property: JsonPropertyName("format_version")] int FormatVersion, Dictionary<string, HubTreeFile?>? Files);

internal sealed record HubTreeFile([property: JsonPropertyName("blob_id")] string? BlobId, [property: JsonPropertyName("lfs_sha256")] string? Sha256);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(DigestRecord))]
[JsonSerializable(typeof(HubTree))]
internal sealed partial class SnapshotDigestsJson : JsonSerializerContext;
