using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>Makes broken models right again: fetches the damaged parts of their files, and the files that are missing. First a plan, then what the plan says.</summary>
/// <param name="options">The store; shared stores are never repaired.</param>
/// <param name="hub">Where the parts come from.</param>
public sealed class StoreRepair(StoreOptions options, HubClient hub)
{
    private readonly StoreLayers _layers = new(options);
    private readonly Dictionary<string, (DateTime Written, long Length, BlobCheckResult Check)> _checks = new(StringComparer.Ordinal);

    /// <summary>Plans the repair of what verifying found broken. Reads the damaged files once more, to see where, and asks the hub for sizes and digests.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.StoreNotWritable"/> for a shared store; <see cref="ErrorKind.FileNotFound"/> when the hub does not have a file any more; the errors
    /// of <see cref="HubClient"/>.
    /// </exception>
    public async Task<RepairPlan> PlanAsync(ModelVerification verification, CancellationToken cancellationToken = default)
    {
        InstalledModel model = verification.Model;
        if (model.Store.Length > 0)
            _layers.EnsureOwn(model.Store, $"repair {model.Repository}:{model.Variant}");
        var files = new List<RepairedFile>();
        VerifiedFile[] broken = [.. verification.Broken];
        if (broken.Length > 0)
        {
            Dictionary<string, RepositoryFile> published = await PublishedAsync(model.Repository, model.Commit, cancellationToken).ConfigureAwait(false);
            foreach (VerifiedFile file in broken)
            {
                if (!published.TryGetValue(file.Path, out RepositoryFile? right))
                    throw new ModelOpsException(ErrorKind.FileNotFound, $"The hub has no '{file.Path}' in '{model.Repository}' at {model.Commit}.", $"Install the model anew: modelops pull {model.Repository}");
                files.Add(new RepairedFile(file.Path, file.State, right.Bytes, right.ETag, await BytesToFetchAsync(model, right, cancellationToken).ConfigureAwait(false)));
            }
        }
        return new RepairPlan(_layers.Own.Root, model.Repository, model.Commit, model.Variant, files, files.DistinctBy(file => file.ETag).Sum(file => file.BytesToFetch));
    }

    /// <summary>
    /// Follows the plan. A damaged file loses its name while it is repaired: a wrong model must not be used. Stopped half-way, it is an unfinished download
    /// that the next repair, or installation, goes on with.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.StoreNotWritable"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.ChecksumMismatch"/>, and the errors of
    /// <see cref="HubClient"/>.
    /// </exception>
    public async Task RunAsync(RepairPlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        _layers.EnsureOwn(plan.Store, "repair anything");
        if (plan.Files.Count == 0)
            return;
        PlannedFile[] files = [.. plan.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, file.Bytes - file.BytesToFetch))];
        InstallPlanner.Check(_layers.Own, plan.Repository, plan.Commit, _layers.Own.Snapshot(plan.Repository, plan.Commit), files);
        long missing = plan.Files.Where(file => file.State == VerificationState.Missing).Sum(file => file.BytesToFetch);
        if (options.Transfer.FreeBytes(_layers.Own.Root) is { } free && free < missing)
            throw DiskErrors.TooLittle(missing, free, _layers.Own.Root, "The repair");

        var snapshot = new SnapshotWriter(_layers.Own, options.Symlinks, plan.Repository, plan.Commit);
        snapshot.Begin();
        TimeProvider time = hub.Options.Time;
        TransferSession session = options.StartTransfer(files.DistinctBy(file => file.ETag).Sum(file => file.Bytes), progress, hub.Options);
        var placed = new HashSet<string>(StringComparer.Ordinal);
        foreach (PlannedFile file in files)
        {
            using BlobLock held = await BlobLock.AcquireAsync(_layers.Own.Lock(plan.Repository, file.ETag), time, cancellationToken).ConfigureAwait(false);
            if (placed.Add(file.ETag))
                await RepairAsync(plan, file, session, cancellationToken).ConfigureAwait(false);
        }
        await snapshot.FinishAsync(files, placed, revision: null, time, cancellationToken).ConfigureAwait(false);
        session.Meter.Finish(files[^1].Path);
    }

    private async Task RepairAsync(RepairPlan plan, PlannedFile file, TransferSession session, CancellationToken cancellationToken)
    {
        string blob = _layers.Own.Blob(plan.Repository, file.ETag);
        var download = new BlobDownload(hub.OpenFile(plan.Repository, plan.Commit, file.Path), file, blob, session);
        if (ContentOf(plan.Repository, plan.Commit, file.Path, file.ETag) is not { } content)
        {
            await download.RunAsync(cancellationToken).ConfigureAwait(false);
            return;
        }
        BlobCheckResult check = await CheckAsync(content, blob, file.ETag, file.Bytes, cancellationToken).ConfigureAwait(false);
        if (check.IsRight)
        {
            // Somebody else repaired it, or only the copy of it in the snapshot is damaged, which must not be taken for the right one.
            string copy = StoreLayout.File(_layers.Own.Snapshot(plan.Repository, plan.Commit), file.Path);
            if (content.FullName == blob && new FileInfo(copy) is { Exists: true, LinkTarget: null })
                File.Delete(copy);
            return;
        }
        _checks.Remove(content.FullName);
        await BlobRepair.RunAsync(content.FullName, check, blob, download, cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> BytesToFetchAsync(InstalledModel model, RepositoryFile file, CancellationToken cancellationToken)
    {
        string blob = _layers.Own.Blob(model.Repository, file.ETag);
        if (ContentOf(model.Repository, model.Commit, file.Path, file.ETag) is { } content)
            return (await CheckAsync(content, blob, file.ETag, file.Bytes, cancellationToken).ConfigureAwait(false)).DamagedBytes;
        return file.Bytes - InstallPlanner.PresentBytes(_layers.Own, model.Repository, _layers.Own.Snapshot(model.Repository, model.Commit), file.Path, file.ETag, file.Bytes);
    }

    /// <summary>The blob, or the file that stands in the snapshot in its place; null when neither is there. Never one that a link leads to elsewhere.</summary>
    private FileInfo? ContentOf(string repository, string commit, string path, string etag) =>
        new[] { _layers.Own.Blob(repository, etag), StoreLayout.File(_layers.Own.Snapshot(repository, commit), path) }.Select(place => new FileInfo(place)).FirstOrDefault(file => file.Exists && file.LinkTarget is null);

    private async Task<BlobCheckResult> CheckAsync(FileInfo content, string blob, string etag, long bytes, CancellationToken cancellationToken)
    {
        if (_checks.TryGetValue(content.FullName, out (DateTime Written, long Length, BlobCheckResult Check) known) && known.Written == content.LastWriteTimeUtc && known.Length == content.Length)
            return known.Check;
        BlobCheckResult check = await BlobCheck.RunAsync(content.FullName, etag, bytes, BlobFiles.Record(blob), null, cancellationToken).ConfigureAwait(false);
        _checks[content.FullName] = (content.LastWriteTimeUtc, content.Length, check);
        return check;
    }

    private async Task<Dictionary<string, RepositoryFile>> PublishedAsync(string repository, string commit, CancellationToken cancellationToken) =>
        (await hub.GetFilesAsync(repository, commit, cancellationToken).ConfigureAwait(false)).ToDictionary(file => file.Path, StringComparer.Ordinal);
}
