using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>What shared stores have of a download, so that it need not be fetched.</summary>
internal static class SharedContents
{
    /// <summary>
    /// A plan with what shared stores have: all of it, and the model is used where it is; or some files, which are copied. What the user's own store has
    /// completely needs neither.
    /// </summary>
    public static DownloadPlan Apply(DownloadPlan plan, StoreLayers layers)
    {
        if (plan.BytesToFetch == 0 && plan.Files.All(file => SnapshotLink.Has(StoreLayout.File(plan.Directory, file.Path), file.Bytes)))
            return plan;
        if (layers.Shared.FirstOrDefault(layout => HasAll(layout, plan)) is { } complete)
        {
            return plan with
            {
                Directory = complete.Snapshot(plan.Repository, plan.Commit),
                Files = [.. plan.Files.Select(file => file with { PresentBytes = file.Bytes })],
                BytesToFetch = 0,
                IsShared = true,
            };
        }
        PlannedFile[] files = [.. plan.Files.Select(file => file.PresentBytes < file.Bytes && Find(layers, plan, file) is { } source ? file with { CopyFrom = source } : file)];
        return plan with { Files = files, BytesToFetch = InstallPlanner.BytesToFetch(files.Where(file => file.CopyFrom is null)) };
    }

    /// <summary>The shared store that a plan leaves the model in, when it is one; the plan may have been stored and read again.</summary>
    public static StoreLayout? StoreOf(DownloadPlan plan, StoreLayers layers) => layers.Shared.FirstOrDefault(layout => layout.Snapshot(plan.Repository, plan.Commit) == plan.Directory);

    /// <summary>Whether a store has all files of a plan, each with the right size and, where its blob's name says it, the right digest.</summary>
    public static bool HasAll(StoreLayout layout, DownloadPlan plan) => plan.Files.All(file => InSnapshot(layout, plan, file) is not null);

    /// <summary>Where a shared store has a file of a plan.</summary>
    public static string? Find(StoreLayers layers, DownloadPlan plan, PlannedFile file) =>
        layers.Shared.Select(layout => Blob(layout, plan, file) ?? InSnapshot(layout, plan, file)).FirstOrDefault(path => path is not null);

    private static string? Blob(StoreLayout layout, DownloadPlan plan, PlannedFile file) =>
        layout.Blob(plan.Repository, file.ETag) is var blob && SnapshotLink.Has(blob, file.Bytes) ? blob : null;

    private static string? InSnapshot(StoreLayout layout, DownloadPlan plan, PlannedFile file)
    {
        string path = StoreLayout.File(layout.Snapshot(plan.Repository, plan.Commit), file.Path);
        return SnapshotLink.Content(path) is { } content && content.Length == file.Bytes && (!BlobDigest.IsDigest(content.Name) || content.Name == file.ETag) ? path : null;
    }
}
