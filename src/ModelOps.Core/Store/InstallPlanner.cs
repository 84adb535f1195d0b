using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>From what the hub offers and what is on disk to a plan.</summary>
internal static class InstallPlanner
{
    public static DownloadPlan Plan(StoreLayout layout, ModelVariant variant, string revision, TransferOptions options)
    {
        string snapshot = layout.Snapshot(variant.Repository, variant.Commit);
        PlannedFile[] files = [.. variant.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, PresentBytes(layout, variant.Repository, snapshot, file.Path, file.ETag, file.Bytes)))];
        var plan = new DownloadPlan(
            variant.Repository, revision, variant.Commit, variant.Name, snapshot, files, files.Sum(file => file.Bytes), BytesToFetch(files), options.FreeBytes(layout.Root) ?? long.MaxValue);
        Check(layout, plan);
        return plan;
    }

    /// <summary>Bytes of a file that need not come over the network.</summary>
    public static long PresentBytes(StoreLayout layout, string repository, string snapshot, string path, string etag, long bytes)
    {
        Refuse(repository, path, etag);
        string blob = layout.Blob(repository, etag);
        return SnapshotLink.Has(blob, bytes) || SnapshotLink.Has(StoreLayout.File(snapshot, path), bytes) ? bytes : PartialFile.LeftBytes(blob, etag, bytes);
    }

    /// <summary>Two files with the same content are fetched once.</summary>
    public static long BytesToFetch(IEnumerable<PlannedFile> files) => files.DistinctBy(file => file.ETag).Sum(file => file.Bytes - file.PresentBytes);

    /// <summary>A plan may have been stored and read again, and its paths come from the network: nothing in it is trusted.</summary>
    public static void Check(StoreLayout layout, DownloadPlan plan)
    {
        if (RepositoryPath.Problem(plan.Revision) is { } problem)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{plan.Revision}' is not a revision: it {problem}.");
        Check(layout, plan.Repository, plan.Commit, plan.Directory, plan.Files);
    }

    /// <summary>As for a download, for any plan that puts files into a snapshot.</summary>
    public static void Check(StoreLayout layout, string repository, string commit, string directory, IReadOnlyList<PlannedFile> files)
    {
        RepositoryName.Ensure(repository);
        if (commit.Length != 40 || !BlobDigest.IsDigest(commit))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{commit}' is not a commit.");
        if (files.Count == 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The plan has no files.");
        foreach (PlannedFile file in files)
            Refuse(repository, file.Path, file.ETag);
        if (directory != layout.Snapshot(repository, commit))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The plan is for another store: '{directory}'.", "Plan again with this store.");
    }

    private static void Refuse(string repository, string path, string etag)
    {
        if (RepositoryPath.Problem(path) is { } problem)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{repository}' lists a file whose path {problem}: '{path}'. It could end up outside of the store.", "Do not use this repository; report it to the hub.");
        if (!BlobDigest.IsDigest(etag))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{repository}' lists '{path}' with a digest that is none: '{etag}'.");
    }
}
