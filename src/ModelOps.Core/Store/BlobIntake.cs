using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Brings contents of this machine into a repository of the store: each under its blob's lock, verified, then named in the snapshot.</summary>
internal sealed class BlobIntake(StoreLayout layout, bool symlinks, string repository, string commit)
{
    private readonly SnapshotWriter _snapshot = new(layout, symlinks, repository, commit);
    private readonly HashSet<string> _new = [];

    public void Begin() => _snapshot.Begin();

    /// <param name="files">All files of the snapshot.</param>
    /// <param name="revision">Reference that will stand for it, or null.</param>
    /// <param name="shared">Blobs that other snapshots are about to need: never moved into this one.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public Task FinishAsync(IReadOnlyList<PlannedFile> files, string? revision, IReadOnlySet<string>? shared, CancellationToken cancellationToken) =>
        _snapshot.FinishAsync(files, shared is null ? _new : [.. _new.Except(shared)], revision, TimeProvider.System, cancellationToken);

    /// <summary>Where a content is, once it was taken.</summary>
    public string Where(BlobContent content) => File.Exists(Blob(content)) ? Blob(content) : StoreLayout.File(layout.Snapshot(repository, commit), content.Path);

    /// <summary>Whether a content is in the store already.</summary>
    public bool Has(BlobContent content) => _snapshot.Has(Planned(content));

    /// <summary>Copies what a stream holds into the store, unless it is there.</summary>
    public async Task TakeAsync(BlobContent content, Stream source, Action<int>? advanced, CancellationToken cancellationToken)
    {
        using BlobLock held = await LockAsync(content, cancellationToken).ConfigureAwait(false);
        if (Has(content))
            return;
        await BlobCopy.RunAsync(source, Blob(content), content, advanced, cancellationToken).ConfigureAwait(false);
        _new.Add(content.ETag);
    }

    /// <summary>Copies or moves a file into the store, unless it is there.</summary>
    public async Task TakeFileAsync(BlobContent content, string source, bool move, Action<int>? advanced, CancellationToken cancellationToken)
    {
        using BlobLock held = await LockAsync(content, cancellationToken).ConfigureAwait(false);
        // The same name in the snapshot is reason enough not to copy, but only the very bytes in the store are reason enough to delete a user's file.
        if (move ? await HoldsAsync(Blob(content), content, cancellationToken).ConfigureAwait(false) : Has(content))
        {
            if (move)
                Delete(source);
            return;
        }
        if (!move || !await TryMoveAsync(source, content, advanced, cancellationToken).ConfigureAwait(false))
        {
            await BlobCopy.RunAsync(source, Blob(content), content, advanced, cancellationToken).ConfigureAwait(false);
            if (move)
                Delete(source);
        }
        _new.Add(content.ETag);
    }

    private async Task<bool> TryMoveAsync(string source, BlobContent content, Action<int>? advanced, CancellationToken cancellationToken)
    {
        Stream stream = BlobCopy.OpenSource(source);
        await using (stream.ConfigureAwait(false))
        {
            using var verifying = new VerifyingStream(stream, content, advanced);
            await verifying.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
            verifying.Verify();
        }
        try
        {
            File.Delete(Blob(content)); // a damaged one
            // Unlike File.Move this never copies: to another disk it fails, and half a copy never has the final name.
            Directory.Move(source, Blob(content));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // another disk: copied instead, which tells what else may be wrong
        }
    }

    private static async Task<bool> HoldsAsync(string blob, BlobContent content, CancellationToken cancellationToken) =>
        new FileInfo(blob) is { Exists: true } file && file.Length == content.Bytes
        && await BlobDigest.ComputeAsync(blob, content.ETag, cancellationToken).ConfigureAwait(false) == content.ETag;

    private static void Delete(string source)
    {
        try
        {
            File.Delete(source);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"'{source}' is in the store now, but cannot be removed where it was: {e.Message}", "Remove it yourself, or import it as a copy.", e);
        }
    }

    private Task<BlobLock> LockAsync(BlobContent content, CancellationToken cancellationToken) => BlobLock.AcquireAsync(layout.Lock(repository, content.ETag), TimeProvider.System, cancellationToken);

    private string Blob(BlobContent content) => layout.Blob(repository, content.ETag);

    private static PlannedFile Planned(BlobContent content) => new(content.Path, content.Bytes, content.ETag, 0);
}
