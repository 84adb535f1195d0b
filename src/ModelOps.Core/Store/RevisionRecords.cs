using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Hub;

namespace ModelOps.Store;

/// <summary>What upstream said of a repository, kept beside its snapshots so that it can be said again when upstream is away.</summary>
internal sealed class RevisionRecords(StoreLayout layout)
{
    private const string Revisions = "revisions.json";
    private const string References = "references.json";
    private static readonly Lock Writing = new();

    public IReadOnlyList<RepositoryFile>? Files(string repository, string commit) => TreeRecord.Read(layout.Tree(repository, commit));

    /// <summary>Model info at a commit.</summary>
    public JsonElement? Model(string repository, string commit) =>
        Read(repository, commit + ".json") is { } model ? JsonSerializer.SerializeToElement(model, StoreJson.Default.JsonObject) : null;

    public JsonObject? ReferencesOf(string repository) => Read(repository, References);

    /// <summary>The commit that a revision stood for when upstream was last asked.</summary>
    public string? Commit(string repository, string revision) => Read(repository, Revisions)?[revision] is JsonValue value && value.TryGetValue(out string? commit) ? commit : null;

    /// <summary>Keeps what upstream said. Files last: with them the commit counts as known.</summary>
    public void Keep(string repository, string revision, string commit, JsonElement model, IReadOnlyList<RepositoryFile> files)
    {
        // Other tools take a repository without these folders for a damaged one.
        foreach (string folder in (string[])[layout.Snapshots(repository), layout.References(repository), layout.Blob(repository, "")])
            Directory.CreateDirectory(folder);
        Write(repository, commit + ".json", JsonObject.Create(model)!);
        if (!File.Exists(layout.Tree(repository, commit)))
            TreeRecord.Write(layout.Tree(repository, commit), files);
        if (revision == commit)
            return;
        lock (Writing)
        {
            JsonObject revisions = Read(repository, Revisions) ?? [];
            if (Commit(repository, revision) == commit)
                return;
            revisions[revision] = commit;
            Write(repository, Revisions, revisions);
        }
        if (Directory.Exists(layout.Snapshot(repository, commit)))
            WriteReferences(repository, commit);
    }

    /// <summary>
    /// Writes the references of the cache that stand for a commit. Only once something of it is here: other tools take a reference without a snapshot
    /// for damage.
    /// </summary>
    public void WriteReferences(string repository, string commit)
    {
        foreach ((string revision, JsonNode? value) in Read(repository, Revisions) ?? [])
        {
            // Not for the beginning of a commit, or a branch spelled in full: no tool looks there.
            if (value?.GetValueKind() == JsonValueKind.String && value.GetValue<string>() == commit && RepositoryPath.Problem(revision) is null
                && revision is not "HEAD" && !revision.StartsWith("refs/heads/", StringComparison.Ordinal) && !commit.StartsWith(revision, StringComparison.Ordinal))
                RecordFile.Write(layout.Reference(repository, revision), Encoding.ASCII.GetBytes(commit));
        }
    }

    public void KeepReferences(string repository, JsonObject references) => Write(repository, References, references);

    private JsonObject? Read(string repository, string name)
    {
        string path = Path.Combine(layout.Private(repository), name);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject;
        }
        catch (JsonException)
        {
            return null; // as if it were not there: upstream is asked again
        }
    }

    private void Write(string repository, string name, JsonObject document) =>
        RecordFile.Write(Path.Combine(layout.Private(repository), name), JsonSerializer.SerializeToUtf8Bytes(document, StoreJson.Default.JsonObject));
}
