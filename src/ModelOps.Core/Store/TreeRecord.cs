using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// The files of a repository at a commit, as <c>trees/commit.json</c> of the cache says them (huggingface_hub's _tree_cache.py). A commit never changes,
/// so what was once written stays true.
/// </summary>
internal sealed record TreeRecord(int FormatVersion, IReadOnlyDictionary<string, TreeRecordFile> Files)
{
    private const int CurrentVersion = 1;

    /// <summary>The listing in a file; null when there is none, or none that can be trusted with paths and digests.</summary>
    public static IReadOnlyList<RepositoryFile>? Read(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            TreeRecord? record = JsonSerializer.Deserialize(File.ReadAllBytes(path), StoreJson.Default.TreeRecord);
            if (record?.Files is null || record.FormatVersion != CurrentVersion)
                return null;
            RepositoryFile[] files = [.. record.Files.Select(file => new RepositoryFile(file.Key, file.Value.LfsSize ?? file.Value.Size, file.Value.LfsSha256, file.Value.BlobId))];
            return files.All(IsUsable) ? files : null;
        }
        catch (JsonException)
        {
            return null; // cut off, or of a newer tool: as if it were not there
        }
    }

    public static void Write(string path, IEnumerable<RepositoryFile> files)
    {
        var record = new TreeRecord(CurrentVersion, files.OrderBy(file => file.Path, StringComparer.Ordinal).ToDictionary(
            file => file.Path,
            file => new TreeRecordFile(file.Bytes, file.GitSha1, file.Sha256, file.Sha256 is null ? null : file.Bytes),
            StringComparer.Ordinal));
        RecordFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.TreeRecord));
    }

    /// <summary>Whether path and digests of a file may become parts of paths on this disk.</summary>
    public static bool IsUsable(RepositoryFile file) => RepositoryPath.Problem(file.Path) is null && file.Bytes >= 0 && BlobDigest.IsDigest(file.ETag)
        && (file.Sha256 is null || BlobDigest.IsSha256(file.Sha256)) && !BlobDigest.IsSha256(file.GitSha1) && BlobDigest.IsDigest(file.GitSha1);
}

/// <summary>A file of a <see cref="TreeRecord"/>.</summary>
internal sealed record TreeRecordFile(long Size, string BlobId, string? LfsSha256, long? LfsSize);

/// <summary>A digest that was computed, of a file that had this size and time of writing.</summary>
internal sealed record StoredDigest(long Bytes, long WrittenTicks, string Digest);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TreeRecord))]
[JsonSerializable(typeof(Dictionary<string, StoredDigest>))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class StoreJson : JsonSerializerContext;
