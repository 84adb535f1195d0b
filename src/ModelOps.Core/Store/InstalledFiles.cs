using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A file of an installed model.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Name of its blob.</param>
/// <param name="Content">Where the bytes are.</param>
internal sealed record StoredFile(string Path, long Bytes, string ETag, string Content);

/// <summary>The files behind an installed model.</summary>
internal static class InstalledFiles
{
    private const string Main = "main";

    /// <summary>A model whose files stand in a folder.</summary>
    public static InstalledModel Model(string snapshot, string repository, string commit, string variant, IReadOnlyList<InstalledFile> files, DateTimeOffset lastUsed)
    {
        InstalledFile? gguf = files.FirstOrDefault(file => file.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase));
        return new InstalledModel(
            repository, commit, variant, gguf is null ? ModelKind.Checkpoint : ModelKind.Gguf, gguf is null ? snapshot : StoreLayout.File(snapshot, gguf.Path),
            files.Sum(file => file.Bytes), files, lastUsed);
    }

    /// <summary>The folder that a model's paths start from, whatever store it is in.</summary>
    public static string Snapshot(InstalledModel model)
    {
        string snapshot = model.Path;
        if (model.Kind == ModelKind.Gguf)
        {
            foreach (char _ in model.Files[0].Path.Where(c => c == '/').Append('/'))
                snapshot = System.IO.Path.GetDirectoryName(snapshot)!;
        }
        return snapshot;
    }

    /// <summary>The files with their digests. A file that is no link has none by its name, and is hashed.</summary>
    public static async Task<IReadOnlyList<StoredFile>> ReadAsync(InstalledModel model, CancellationToken cancellationToken)
    {
        string snapshot = Snapshot(model);
        var files = new List<StoredFile>();
        foreach (InstalledFile file in model.Files)
        {
            FileInfo content = SnapshotLink.Content(StoreLayout.File(snapshot, file.Path))
                ?? throw new ModelOpsException(ErrorKind.FileNotFound, $"'{file.Path}' of {model.Repository} is gone.", $"Install it again: modelops pull {model.Repository}");
            string etag = BlobDigest.IsDigest(content.Name) ? content.Name : (await ContentDigest.ComputeAsync(content.FullName, file.Path, null, cancellationToken).ConfigureAwait(false)).ETag;
            files.Add(new StoredFile(file.Path, content.Length, etag, content.FullName));
        }
        return files;
    }

    /// <summary>SHA-256 of a file, where it is not its name: small ones are named by git's blob id.</summary>
    public static async Task<string> Sha256Async(string content, string etag, CancellationToken cancellationToken) =>
        BlobDigest.IsSha256(etag) ? etag : (await ContentDigest.ComputeAsync(content, "", null, cancellationToken).ConfigureAwait(false)).Sha256;

    /// <summary>The installed model of a name at a revision, or null when it is not, or not completely, there. The user's own store goes before shared ones.</summary>
    public static InstalledModel? Find(ModelStore store, string repository, string? variant, string? revision)
    {
        if (revision is not null && RepositoryPath.Problem(revision) is not null)
            return null;
        // One group a store that has the repository: each has references of its own.
        var stores = store.GetModels().Where(model => string.Equals(model.Repository, repository, StringComparison.OrdinalIgnoreCase))
            .GroupBy(model => References.Folder(Snapshot(model)))
            .OrderByDescending(models => models.Key.StartsWith(Path.GetFullPath(store.Options.Directory) + Path.DirectorySeparatorChar, StringComparison.Ordinal));
        foreach (var models in stores)
        {
            // What was installed by its commit is there without any reference; main is then the last used of what there is.
            string commit = References.Commit(models.Key, revision ?? Main) ?? (revision is null or Main ? models.First().Commit : revision);
            InstalledModel[] current = [.. models.Where(model => model.Commit == commit)];
            InstalledModel? found = variant is null
                ? VariantGrouping.Default(current, model => model.Variant)
                : current.FirstOrDefault(model => string.Equals(model.Variant, variant, StringComparison.OrdinalIgnoreCase));
            if (found is not null)
                return found;
        }
        return null;
    }
}
