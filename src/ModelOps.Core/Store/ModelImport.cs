using ModelOps.Hub;
using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>Takes a GGUF file or a folder of this machine into the store, as if it had come from a hub: same layout, same digests.</summary>
public static class ModelImport
{
    /// <summary>
    /// Plans the import of a GGUF file (with all its shards) or of a folder with a checkpoint or GGUF files. Reads every byte once: digests and the commit
    /// follow from the content; headers are validated.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.ModelNotFound"/> when there is no complete model, <see cref="ErrorKind.CorruptFile"/> for a broken header,
    /// <see cref="ErrorKind.InvalidArgument"/> for a bad name, or one that stands for other content; <see cref="ErrorKind.InsufficientDiskSpace"/>.
    /// </exception>
    public static async Task<ImportPlan> PlanAsync(ModelStore store, string path, ImportOptions? options = null, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options ??= new ImportOptions();
        var layout = new StoreLayout(store.Options.Directory);
        ImportSource source = ImportSource.Find(Path.GetFullPath(path));
        string repository = options.Name ?? source.DefaultRepository();
        RepositoryName.Ensure(repository);
        Validate(source, options.Move);

        var meter = new TransferMeter(progress, source.Files.Values.Sum(file => file.Length), store.Options.Transfer.ReportEvery, TimeProvider.System);
        var digests = new List<(string Path, FileInfo Content, ContentDigest Digest)>();
        foreach ((string name, FileInfo content) in source.Files.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            digests.Add((name, content, await ContentDigest.ComputeAsync(content.FullName, name, read => meter.AddFetched(name, read), cancellationToken).ConfigureAwait(false)));

        string commit = GitObjects.CommitId(GitObjects.FolderIds(digests.Select(file => KeyValuePair.Create(file.Path, file.Digest.GitId)))[""]);
        RefuseOtherContent(layout, repository, commit, options.Force);
        var snapshot = new SnapshotWriter(layout, store.Options.Symlinks, repository, commit);
        ImportedFile[] files =
        [
            .. digests.Select(file => new ImportedFile(file.Path, file.Content.FullName, file.Digest.Bytes, file.Digest.ETag, file.Digest.Sha256,
                snapshot.Has(new PlannedFile(file.Path, file.Digest.Bytes, file.Digest.ETag, 0)))),
        ];
        long toStore = files.Where(file => !file.IsPresent).DistinctBy(file => file.ETag).Sum(file => file.Bytes);
        long? free = store.Options.Transfer.FreeBytes(layout.Root);
        // A move within one disk needs no room; one to another disk is stopped when it fills up, and nothing is lost.
        if (!options.Move && free < toStore)
            throw DiskErrors.TooLittle(toStore, free.Value, layout.Root, "The import");
        return new ImportPlan(
            source.Path, repository, commit, layout.Snapshot(repository, commit), [.. Group(repository, commit, files).Select(variant => variant.Name)],
            files, source.LeftOut, files.Sum(file => file.Bytes), toStore, free ?? long.MaxValue, options.Move);
    }

    /// <summary>Follows the plan: every content is hashed once more on its way into the store, and only then gets its name. Gives the models that are there now.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.ChecksumMismatch"/> when a file has changed since the plan; <see cref="ErrorKind.InsufficientDiskSpace"/>. A file that could not be
    /// taken stays where it was.
    /// </exception>
    public static async Task<IReadOnlyList<InstalledModel>> RunAsync(ModelStore store, ImportPlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var layout = new StoreLayout(store.Options.Directory);
        PlannedFile[] files = [.. plan.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, 0))];
        InstallPlanner.Check(layout, plan.Repository, plan.Commit, plan.Directory, files);
        var meter = new TransferMeter(progress, plan.Bytes, store.Options.Transfer.ReportEvery, TimeProvider.System);
        var intake = new BlobIntake(layout, store.Options.Symlinks, plan.Repository, plan.Commit);
        intake.Begin();
        foreach ((ImportedFile file, PlannedFile planned) in plan.Files.Zip(files))
        {
            var content = new BlobContent(file.Path, file.Bytes, file.ETag, file.Sha256);
            await intake.TakeFileAsync(content, file.Source, plan.Move, read => meter.AddFetched(file.Path, read), cancellationToken).ConfigureAwait(false);
        }
        await intake.FinishAsync(files, "main", null, cancellationToken).ConfigureAwait(false);
        meter.Finish(plan.Files[^1].Path);
        var inventory = new Inventory(layout);
        return [.. Group(plan.Repository, plan.Commit, plan.Files).Select(variant => inventory.Complete(InstalledFiles.Model(
            plan.Directory, plan.Repository, plan.Commit, variant.Name,
            [.. variant.Files.Select(file => new InstalledFile(file.Path, file.Bytes, plan.Files.First(imported => imported.Path == file.Path).Sha256))],
            DateTimeOffset.UtcNow)))];
    }

    private static IReadOnlyList<ModelVariant> Group(string repository, string commit, IEnumerable<ImportedFile> files) =>
        VariantGrouping.Group(repository, commit, [.. files.Select(file => new RepositoryFile(file.Path, file.Bytes, BlobDigest.IsSha256(file.ETag) ? file.ETag : null, file.ETag))]);

    private static void Validate(ImportSource source, bool move)
    {
        foreach ((string name, FileInfo content) in source.Files)
        {
            if (RepositoryPath.Problem(name) is { } problem)
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"The name of '{name}' {problem}.", "Rename the file: a store may be moved to any system.");
            if (move && content.FullName != Path.GetFullPath(Path.Combine(File.Exists(source.Path) ? Path.GetDirectoryName(source.Path)! : source.Path, name)))
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{name}' is a link to '{content.FullName}': it cannot be moved.", "Import it as a copy.");
            if (name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
                GgufFile.Read(content.FullName);
            else if (name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
                SafetensorsFile.Read(content.FullName);
        }
    }

    // A hub's repository that is installed must not silently come to mean somebody's folder; a name under local/ is ours, and gets a new version.
    private static void RefuseOtherContent(StoreLayout layout, string repository, string commit, bool force)
    {
        if (force || repository.StartsWith(ImportSource.Organisation + "/", StringComparison.Ordinal) || new Inventory(layout).MainCommit(repository) is not { } main || main == commit)
            return;
        throw new ModelOpsException(
            ErrorKind.InvalidArgument,
            $"The store has '{repository}' with other content (commit {main}).",
            "Choose another name with --name, or let the name stand for this content with --force; what is there stays, under its commit.");
    }
}
