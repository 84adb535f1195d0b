using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// Follows a plan: blobs first, each verified, then the names in the snapshot (weights last), then the reference. Whatever stops it, no name stands
/// for something that is not there.
/// </summary>
internal sealed class Installer(StoreLayers layers, StoreOptions options, HubClient hub, DownloadPlan plan, IProgress<TransferProgress>? progress)
{
    private readonly StoreLayout _layout = layers.Own;
    private readonly SnapshotWriter _snapshot = new(layers.Own, options.Symlinks, plan.Repository, plan.Commit);
    private readonly HashSet<string> _new = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Also in a store that this user may only read.
        if (SharedContents.HasAll(_layout, plan) && (Revision is null || References.Commit(References.Folder(plan.Directory), Revision) == plan.Commit))
            return;
        PlannedFile[] files = [.. plan.Files.Select(file => file with { PresentBytes = InstallPlanner.PresentBytes(_layout, plan.Repository, plan.Directory, file.Path, file.ETag, file.Bytes) })];
        long needed = InstallPlanner.BytesToFetch(files);
        if (options.Transfer.FreeBytes(_layout.Root) is { } free && free < needed)
            throw DiskErrors.TooLittle(needed, free, _layout.Root);
        _snapshot.Begin();
        await FetchAsync(files, cancellationToken).ConfigureAwait(false);
        await _snapshot.FinishAsync(files, _new, Revision, hub.Options.Time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The reference to write: none for a commit, and what a branch stands for is not learnt offline.</summary>
    private string? Revision => plan.Revision == plan.Commit || hub.Options.Offline ? null : plan.Revision;

    private async Task FetchAsync(PlannedFile[] files, CancellationToken cancellationToken)
    {
        PlannedFile[] contents = [.. files.DistinctBy(file => file.ETag)];
        TimeProvider time = hub.Options.Time;
        TransferSession session = options.StartTransfer(contents.Sum(file => file.Bytes), progress, hub.Options);
        TransferMeter meter = session.Meter;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = session.Options.MostConnections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(contents, parallel, async (file, stop) =>
        {
            if (_snapshot.Has(file))
            {
                meter.AddPresent(file.Path, file.Bytes);
                return;
            }
            string blob = _layout.Blob(plan.Repository, file.ETag);
            using BlobLock held = await BlobLock.AcquireAsync(
                _layout.Lock(plan.Repository, file.ETag), time, () => meter.SetElsewhere(file.Path, PartialFile.LeftBytes(blob, file.ETag, file.Bytes)), stop).ConfigureAwait(false);
            meter.SetElsewhere(file.Path, null);
            // Whoever held the lock may have brought it.
            if (_snapshot.Has(file))
            {
                meter.AddPresent(file.Path, file.Bytes);
                return;
            }
            if (!await TryCopyAsync(file, blob, meter, stop).ConfigureAwait(false))
                await new BlobDownload(hub.OpenFile(plan.Repository, plan.Commit, file.Path), file, blob, session).RunAsync(stop).ConfigureAwait(false);
            lock (_new)
                _new.Add(file.ETag);
        }).ConfigureAwait(false);
        meter.Finish(contents[^1].Path);
    }

    /// <summary>Copies a file that a shared store has. One that is damaged there, or has just gone, is fetched like any other.</summary>
    private async Task<bool> TryCopyAsync(PlannedFile file, string blob, TransferMeter meter, CancellationToken cancellationToken)
    {
        // Looked for again: the plan's word is not taken for a path.
        if (SharedContents.Find(layers, plan, file) is not { } source)
            return false;
        long copied = 0;
        try
        {
            await BlobCopy.RunAsync(source, blob, new BlobContent(file.Path, file.Bytes, file.ETag), read =>
            {
                copied += read;
                meter.AddPresent(file.Path, read);
            }, cancellationToken).ConfigureAwait(false);
            // What an earlier download left of it is of no more use.
            File.Delete(BlobFiles.State(blob));
            File.Delete(BlobFiles.Partial(blob));
            return true;
        }
        catch (ModelOpsException e) when (e.Kind is ErrorKind.ChecksumMismatch or ErrorKind.FileNotFound)
        {
            meter.AddPresent(file.Path, -copied);
            return false;
        }
    }
}
