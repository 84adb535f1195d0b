using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// Follows a plan: blobs first, each verified, then the names in the snapshot (weights last), then the reference. Whatever stops it, no name stands
/// for something that is not there.
/// </summary>
internal sealed class Installer(StoreLayout layout, StoreOptions options, HubClient hub, DownloadPlan plan, IProgress<TransferProgress>? progress)
{
    private const string CacheTag = """
        Signature: 8a477f597d28d172789f06886806bc55
        # This file is a cache directory tag created by huggingface_hub.
        # For information about cache directory tags, see:
        #	https://bford.info/cachedir/

        """;

    private readonly HashSet<string> _new = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        PlannedFile[] files = [.. plan.Files.Select(file => file with { PresentBytes = InstallPlanner.PresentBytes(layout, plan.Repository, plan.Directory, file.Path, file.ETag, file.Bytes) })];
        long needed = InstallPlanner.BytesToFetch(files);
        if (options.Transfer.FreeBytes(layout.Root) is { } free && free < needed)
            throw DiskErrors.TooLittle(needed, free, layout.Root);
        try
        {
            Directory.CreateDirectory(Path.Combine(layout.RepositoryFolder(plan.Repository), "blobs"));
            WriteCacheTag();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, layout.Root);
        }

        await FetchAsync(files, cancellationToken).ConfigureAwait(false);
        try
        {
            PlaceFiles(files);
            WriteReference();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, plan.Directory);
        }
    }

    private async Task FetchAsync(PlannedFile[] files, CancellationToken cancellationToken)
    {
        PlannedFile[] contents = [.. files.DistinctBy(file => file.ETag)];
        TransferOptions transfer = options.Transfer with { Connections = Math.Max(options.Connections, 1) };
        TimeProvider time = hub.Options.Time;
        var meter = new TransferMeter(progress, contents.Sum(file => file.Bytes), transfer.ReportEvery, time);
        using var connections = new SemaphoreSlim(transfer.Connections);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = transfer.Connections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(contents, parallel, async (file, stop) =>
        {
            string blob = layout.Blob(plan.Repository, file.ETag);
            if (IsThere(file, blob))
            {
                meter.AddPresent(file.Path, file.Bytes);
                return;
            }
            using BlobLock held = await BlobLock.AcquireAsync(layout.Lock(plan.Repository, file.ETag), time, stop).ConfigureAwait(false);
            // Whoever held the lock may have brought it.
            if (IsThere(file, blob))
            {
                meter.AddPresent(file.Path, file.Bytes);
                return;
            }
            var download = new BlobDownload(hub.OpenFile(plan.Repository, plan.Commit, file.Path), file, blob, connections, meter, time, transfer);
            await download.RunAsync(stop).ConfigureAwait(false);
            lock (_new)
                _new.Add(file.ETag);
        }).ConfigureAwait(false);
        meter.Finish(contents[^1].Path);
    }

    private bool IsThere(PlannedFile file, string blob) => SnapshotLink.Has(blob, file.Bytes) || SnapshotLink.Has(StoreLayout.File(plan.Directory, file.Path), file.Bytes);

    private void PlaceFiles(PlannedFile[] files)
    {
        Directory.CreateDirectory(plan.Directory);
        var uses = files.CountBy(file => file.ETag).ToDictionary();
        foreach (PlannedFile file in files.OrderBy(file => IsWeights(file.Path)))
        {
            string blob = layout.Blob(plan.Repository, file.ETag);
            // Without the blob the file itself stands in the snapshot, as systems without links have it.
            if (SnapshotLink.Has(blob, file.Bytes))
                SnapshotLink.Place(blob, StoreLayout.File(plan.Directory, file.Path), options.Symlinks, mayMove: _new.Contains(file.ETag) && uses[file.ETag] == 1);
        }
    }

    private void WriteReference()
    {
        string path = layout.Reference(plan.Repository, plan.Revision);
        // Other tools expect the folder, and no reference for a commit.
        Directory.CreateDirectory(Path.Combine(layout.RepositoryFolder(plan.Repository), "refs"));
        if (plan.Revision == plan.Commit)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string next = path + ".modelops.incomplete";
        File.WriteAllText(next, plan.Commit);
        File.Move(next, path, overwrite: true);
    }

    private void WriteCacheTag()
    {
        string path = Path.Combine(layout.Root, "CACHEDIR.TAG");
        if (!File.Exists(path))
            File.WriteAllText(path, CacheTag);
    }

    private static bool IsWeights(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
}
