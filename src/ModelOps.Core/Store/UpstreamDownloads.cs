using System.Collections.Concurrent;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>The files that are being fetched from upstream: each once, however many ask for it, and only a few at the same time.</summary>
internal sealed class UpstreamDownloads(StoreLayout layout, RevisionRecords records, StoreOptions options, HubClient hub, int atOnce, Action<string>? remark) : IAsyncDisposable
{
    /// <summary>A smaller file waits for no turn: clients would give up its configuration while a model of 100 GB is fetched.</summary>
    private const long SmallBytes = 16 << 20;

    private readonly ConcurrentDictionary<(string Repository, string ETag), FileDownload> _running = new();
    private readonly SemaphoreSlim _turns = new(atOnce);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>The running download of a file, or a new one.</summary>
    public FileDownload Of(KnownRevision revision, RepositoryFile file)
    {
        (string, string) key = (revision.Repository, file.ETag);
        FileDownload download = _running.GetOrAdd(key, _ => new FileDownload(file.Bytes, running => RunAsync(key, revision, file, running)));
        _ = download.Whole; // begins, in whoever's hands it is
        return download;
    }

    /// <summary>Stops them; what has arrived stays for the next time.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (FileDownload download in _running.Values)
            await Task.WhenAny(download.Whole).ConfigureAwait(false);
        _turns.Dispose();
        _stop.Dispose();
    }

    private async Task<FileInfo> RunAsync((string, string) key, KnownRevision revision, RepositoryFile file, Action<BlobDownload> running)
    {
        try
        {
            if (file.Bytes < SmallBytes)
                return await FetchAsync(revision, file, running).ConfigureAwait(false);
            await _turns.WaitAsync(_stop.Token).ConfigureAwait(false);
            try
            {
                return await FetchAsync(revision, file, running).ConfigureAwait(false);
            }
            finally
            {
                _turns.Release();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ModelOpsException error = DiskErrors.WriteError(e, layout.RepositoryFolder(revision.Repository));
            remark?.Invoke($"{revision.Repository}: {file.Path} was not fetched: {error.Message}");
            throw error;
        }
        catch (ModelOpsException e)
        {
            remark?.Invoke($"{revision.Repository}: {file.Path} was not fetched: {e.Message}");
            throw;
        }
        finally
        {
            // From here on the store has it, or the next who asks tries again.
            _running.TryRemove(key, out _);
        }
    }

    /// <summary>Does for one file what an install does for many.</summary>
    private async Task<FileInfo> FetchAsync(KnownRevision revision, RepositoryFile file, Action<BlobDownload> running)
    {
        string blob = layout.Blob(revision.Repository, file.ETag);
        string target = StoreLayout.File(layout.Snapshot(revision.Repository, revision.Commit), file.Path);
        var planned = new PlannedFile(file.Path, file.Bytes, file.ETag, 0);
        var snapshot = new SnapshotWriter(layout, options.Symlinks, revision.Repository, revision.Commit);
        snapshot.Begin();
        bool isNew = false;
        using (await BlobLock.AcquireAsync(layout.Lock(revision.Repository, file.ETag), hub.Options.Time, null, _stop.Token).ConfigureAwait(false))
        {
            // Whoever held the lock may have brought it.
            if (!snapshot.Has(planned))
            {
                long missing = file.Bytes - PartialFile.LeftBytes(blob, file.ETag, file.Bytes);
                if (options.Transfer.FreeBytes(layout.Root) is { } free && free < missing)
                    throw DiskErrors.TooLittle(missing, free, layout.Root);
                var download = new BlobDownload(hub.OpenFile(revision.Repository, revision.Commit, file.Path), planned, blob, options.StartTransfer(file.Bytes, null, hub.Options));
                running(download);
                await download.RunAsync(_stop.Token).ConfigureAwait(false);
                isNew = true;
            }
        }
        await snapshot.FinishAsync([planned], isNew ? new HashSet<string> { file.ETag } : [], null, hub.Options.Time, _stop.Token).ConfigureAwait(false);
        records.WriteReferences(revision.Repository, revision.Commit);
        return SnapshotLink.Content(target) ?? throw new ModelOpsException(ErrorKind.Failure, $"'{file.Path}' was removed from the store in the very moment it arrived.");
    }
}
