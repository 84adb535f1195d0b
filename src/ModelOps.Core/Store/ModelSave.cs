using System.Security.Cryptography;
using System.Text;
using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>Saves a model to a plain folder: files under their own names, no links, which may be edited without harm to the store.</summary>
public static class ModelSave
{
    /// <summary>
    /// Plans to save a variant. What the store has is copied (also in offline mode), the rest is downloaded. A file of the folder that has the very content
    /// stays; another one of the same name is only replaced with <paramref name="overwrite"/>. <paramref name="projector"/> adds the vision projector.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidArgument"/> when a file would be replaced; <see cref="ErrorKind.InsufficientDiskSpace"/>; the errors of <see cref="ModelStore.PlanInstallAsync"/>.
    /// </exception>
    public static async Task<SavePlan> PlanAsync(
        ModelStore store, HubClient hub, string repository, string directory, string? variant = null, string? revision = null, bool overwrite = false, bool projector = false,
        CancellationToken cancellationToken = default)
    {
        revision ??= "main";
        directory = Path.GetFullPath(directory);
        if (!Directory.Exists(directory) && (File.Exists(directory) || new FileInfo(directory).LinkTarget is not null))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{directory}' is not a folder.", "Choose another place to save to; a folder that is not there yet is made.");
        var layout = new StoreLayout(store.Options.Directory);
        ModelVariant chosen = await VariantSource.FindAsync(store, hub, repository, variant, revision, projector, cancellationToken).ConfigureAwait(false);
        InstallPlanner.Check(layout, chosen.Repository, chosen.Commit, layout.Snapshot(chosen.Repository, chosen.Commit), [.. chosen.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, 0))]);

        InstalledModel? installed = InstalledFiles.Find(store, chosen.Repository, chosen.Name, chosen.Commit);
        var files = new List<SavedFile>();
        foreach (RepositoryFile file in chosen.Files)
        {
            string target = StoreLayout.File(directory, file.Path);
            bool exists = Path.Exists(target);
            bool same = exists && await IsAsync(target, file.Bytes, file.ETag, cancellationToken).ConfigureAwait(false);
            string? source = same ? null : Candidates(layout, installed, chosen, file).FirstOrDefault(candidate => SnapshotLink.Has(candidate, file.Bytes));
            long present = same ? file.Bytes : source is null ? PartialFile.LeftBytes(target, file.ETag, file.Bytes) : 0;
            files.Add(new SavedFile(file.Path, file.Bytes, file.ETag, present, source, exists && !same));
        }
        if (!overwrite && files.Where(file => file.Replaces).Select(file => file.Path).ToArray() is { Length: > 0 } others)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{directory}' has other content under the name of {string.Join(", ", others)}.", "Choose another folder, or replace the files with --force.");

        long copy = files.Where(file => file.Source is not null).Sum(file => file.Bytes);
        long fetch = files.Where(file => file.Source is null).Sum(file => file.Bytes - file.PresentBytes);
        long? free = store.Options.Transfer.FreeBytes(directory);
        if (free < copy + fetch)
            throw DiskErrors.TooLittle(copy + fetch, free.Value, directory, "Saving the model", "choose a folder on another disk");
        return new SavePlan(chosen.Repository, revision, chosen.Commit, chosen.Name, chosen.Kind, directory, files, files.Sum(file => file.Bytes), copy, fetch, free ?? long.MaxValue);
    }

    /// <summary>Follows the plan: every file is verified before it gets its name, and a download that was stopped is continued.</summary>
    /// <exception cref="ModelOpsException">As <see cref="ModelStore.InstallAsync"/>.</exception>
    public static async Task<SavedModel> RunAsync(ModelStore store, HubClient hub, SavePlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var layout = new StoreLayout(store.Options.Directory);
        InstallPlanner.Check(layout, plan.Repository, plan.Commit, layout.Snapshot(plan.Repository, plan.Commit), [.. plan.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, 0))]);
        TimeProvider time = hub.Options.Time;
        TransferSession session = store.Options.StartTransfer(plan.Bytes, progress, hub.Options);
        TransferMeter meter = session.Meter;
        // One save into a folder at a time. The lock lies with the store's: the folder is the user's, and nothing but the model is left there.
        using BlobLock held = await BlobLock.AcquireAsync(LockPath(layout, plan.Directory), time, cancellationToken).ConfigureAwait(false);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = session.Options.MostConnections, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(plan.Files, parallel, async (file, stop) =>
        {
            string target = StoreLayout.File(plan.Directory, file.Path);
            if (Path.Exists(target) && await IsAsync(target, file.Bytes, file.ETag, stop).ConfigureAwait(false))
            {
                meter.AddPresent(file.Path, file.Bytes);
                return;
            }
            if (Path.Exists(target) && !file.Replaces)
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{target}' has appeared since the plan was made, with other content.", "Plan again.");
            if (file.Source is not null)
            {
                await BlobCopy.RunAsync(file.Source, target, new BlobContent(file.Path, file.Bytes, file.ETag), read => meter.AddFetched(file.Path, read), stop).ConfigureAwait(false);
                return;
            }
            CreateFolder(target);
            var planned = new PlannedFile(file.Path, file.Bytes, file.ETag, file.PresentBytes);
            await new BlobDownload(hub.OpenFile(plan.Repository, plan.Commit, file.Path), planned, target, session) { KeepsChecksums = false }.RunAsync(stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
        meter.Finish(plan.Files[^1].Path);

        var files = new List<InstalledFile>();
        foreach (SavedFile file in plan.Files)
            files.Add(new InstalledFile(file.Path, file.Bytes, await InstalledFiles.Sha256Async(StoreLayout.File(plan.Directory, file.Path), file.ETag, cancellationToken).ConfigureAwait(false)));
        string path = plan.Kind == ModelKind.Gguf ? StoreLayout.File(plan.Directory, plan.Files[0].Path) : plan.Directory;
        return new SavedModel(plan.Repository, plan.Commit, plan.Variant, plan.Kind, path, plan.Bytes, files);
    }

    private static IEnumerable<string> Candidates(StoreLayout layout, InstalledModel? installed, ModelVariant variant, RepositoryFile file)
    {
        yield return layout.Blob(variant.Repository, file.ETag);
        yield return StoreLayout.File(layout.Snapshot(variant.Repository, variant.Commit), file.Path);
        if (installed is not null)
            yield return StoreLayout.File(InstalledFiles.Snapshot(installed), file.Path);
    }

    private static async Task<bool> IsAsync(string path, long bytes, string etag, CancellationToken cancellationToken) =>
        new FileInfo(path) is { Exists: true } file && file.Length == bytes && await BlobDigest.ComputeAsync(path, etag, cancellationToken).ConfigureAwait(false) == etag;

    private static string LockPath(StoreLayout layout, string directory) =>
        Path.Combine(layout.Root, ".locks", "saved", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory))) + ".lock");

    private static void CreateFolder(string target)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, target);
        }
    }
}
