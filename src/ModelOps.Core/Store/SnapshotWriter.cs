using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Gives verified blobs their names: first the folders, at the end the links of a snapshot (weights last), then the reference.</summary>
internal sealed class SnapshotWriter(StoreLayout layout, bool symlinks, string repository, string commit)
{
    private const string CacheTag = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This file is a cache directory tag created by huggingface_hub.
        # For information about cache directory tags, see:
        #	https://bford.info/cachedir/

        """;

    private readonly string _directory = layout.Snapshot(repository, commit);

    /// <summary>Makes the folders that blobs go into.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public void Begin()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(layout.RepositoryFolder(repository), "blobs"));
            string tag = Path.Combine(layout.Root, "CACHEDIR.TAG");
            if (!File.Exists(tag))
                Write(tag, CacheTag);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, layout.Root);
        }
    }

    /// <summary>Whether a content is there: as a blob, or where there are no links as the snapshot's own file.</summary>
    public bool Has(PlannedFile file) => SnapshotLink.Has(layout.Blob(repository, file.ETag), file.Bytes) || SnapshotLink.Has(StoreLayout.File(_directory, file.Path), file.Bytes);

    /// <summary>Places all files, whose blobs must be there, and lets the revision stand for the commit.</summary>
    /// <param name="files">The files.</param>
    /// <param name="newBlobs">Blobs that nobody else refers to yet: where links are refused they may be moved.</param>
    /// <param name="revision">Branch or tag; null or the commit itself writes no reference.</param>
    /// <param name="time">Clock, for waiting for locks.</param>
    /// <param name="cancellationToken">Stops it; what has its name by then keeps it.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>; <see cref="ErrorKind.StoreInUse"/> when a content was removed meanwhile.
    /// </exception>
    public async Task FinishAsync(IReadOnlyList<PlannedFile> files, IReadOnlySet<string> newBlobs, string? revision, TimeProvider time, CancellationToken cancellationToken)
    {
        // One process at a time gives names to a commit: its digests are read, added to and written.
        using BlobLock naming = await BlobLock.AcquireAsync(layout.Lock(repository, commit), time, cancellationToken).ConfigureAwait(false);
        try
        {
            await PlaceFilesAsync(files, newBlobs, time, cancellationToken).ConfigureAwait(false);
            WriteReference(revision);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, _directory);
        }
    }

    private async Task PlaceFilesAsync(IReadOnlyList<PlannedFile> files, IReadOnlySet<string> newBlobs, TimeProvider time, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_directory);
        var uses = files.CountBy(file => file.ETag).ToDictionary();
        var unnamed = new List<(string Path, string ETag)>();
        foreach (PlannedFile file in files.OrderBy(file => IsWeights(file.Path)))
        {
            string blob = layout.Blob(repository, file.ETag);
            // Whoever removes a blob holds its lock while looking for names of it: one of us sees what the other did.
            using BlobLock held = await BlobLock.AcquireAsync(layout.Lock(repository, file.ETag), time, cancellationToken).ConfigureAwait(false);
            // Without the blob the file itself stands in the snapshot, as systems without links have it.
            if (!Has(file))
                throw new ModelOpsException(ErrorKind.StoreInUse, $"'{file.Path}' was removed from the store while '{repository}' was being installed.", "Install it again; what is still there is not fetched again.");
            if (!SnapshotLink.Has(blob, file.Bytes))
                continue;
            if (!SnapshotLink.Place(blob, StoreLayout.File(_directory, file.Path), symlinks, mayMove: newBlobs.Contains(file.ETag) && uses[file.ETag] == 1))
                unnamed.Add((file.Path, file.ETag));
        }
        if (unnamed.Count > 0)
            SnapshotDigests.Write(layout, repository, commit, unnamed);
    }

    private void WriteReference(string? revision)
    {
        // Other tools expect the folder, and no reference for a commit.
        Directory.CreateDirectory(Path.Combine(layout.RepositoryFolder(repository), "refs"));
        if (revision is null || revision == commit)
            return;
        string path = layout.Reference(repository, revision);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Write(path, commit);
    }

    /// <summary>Writes a file in one step, under a name of its own before: two processes may install the same model at once.</summary>
    private void Write(string path, string text)
    {
        string next = Path.Combine(layout.RepositoryFolder(repository), Path.GetRandomFileName() + SnapshotLink.PartialSuffix);
        File.WriteAllText(next, text);
        File.Move(next, path, overwrite: true);
    }

    private static bool IsWeights(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
}
