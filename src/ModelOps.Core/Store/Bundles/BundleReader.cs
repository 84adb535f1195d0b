using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>A bundle to install from, a folder, a tar file or a stream of one. No network is used, and nothing in the bundle is trusted.</summary>
public sealed class BundleReader : IAsyncDisposable
{
    private readonly BundleSource _source;

    private BundleReader(BundleSource source, BundleManifest manifest)
    {
        _source = source;
        Manifest = manifest;
    }

    /// <summary>What is in it.</summary>
    public BundleManifest Manifest { get; }

    /// <summary>Opens a folder or tar file; checks the manifest and that everything it names is there in its size, and nothing else.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/>.</exception>
    public static async Task<BundleReader> OpenAsync(string path, CancellationToken cancellationToken = default)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Path.Exists(path))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no bundle '{path}'.", "Check the path.");
        if (Directory.Exists(path))
            return await OpenAsync(new FolderSource(path), cancellationToken).ConfigureAwait(false);
        // A pipe may wait for its writer, and nobody must have to wait with it.
        FileStream tar = await Task.Run(() => BlobCopy.OpenStream(path), cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        return await OpenAsync(new TarSource(tar, path), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a tar that comes as a stream, which is then the reader's. One that cannot seek must have the manifest first, as ours do.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static Task<BundleReader> OpenAsync(Stream tar, string name, CancellationToken cancellationToken = default) => OpenAsync(new TarSource(tar, name), cancellationToken);

    /// <summary>Plans the installation of all models, or of chosen ones (<c>org/repo[:variant]</c>).</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ModelNotFound"/> for one that is not in it; <see cref="ErrorKind.InsufficientDiskSpace"/>.</exception>
    public BundleInstallPlan PlanInstall(ModelStore store, IReadOnlyList<string>? models = null)
    {
        var layout = new StoreLayout(store.Options.Directory);
        BundledInstall[] chosen = [.. Choose(models).Select(model => Plan(layout, store.Options.Symlinks, model))];
        long needed = chosen.SelectMany(model => model.Files.Where(file => file.PresentBytes == 0).Select(file => (model.Repository, file.ETag, file.Bytes))).Distinct().Sum(file => file.Bytes);
        long? free = store.Options.Transfer.FreeBytes(layout.Root);
        if (free < needed)
            throw DiskErrors.TooLittle(needed, free.Value, layout.Root, "The installation");
        return new BundleInstallPlan(_source.Name, chosen, chosen.Sum(model => model.Files.Sum(file => file.Bytes)), needed, free ?? long.MaxValue);
    }

    /// <summary>Follows the plan: every content is checked against all its digests before it gets its name, the names of a model follow when all of it is there.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>.</exception>
    public async Task<IReadOnlyList<InstalledModel>> InstallAsync(ModelStore store, BundleInstallPlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var layout = new StoreLayout(store.Options.Directory);
        var installs = plan.Models.Select(model =>
        {
            InstallPlanner.Check(layout, model.Repository, model.Commit, model.Directory, model.Files);
            BundledModel bundled = Manifest.Models.FirstOrDefault(entry => (entry.Repository, entry.Commit, entry.Variant) == (model.Repository, model.Commit, model.Variant))
                ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"The plan is for another bundle: {model.Repository} is not in '{_source.Name}'.", "Plan again with this bundle.");
            return (Bundled: bundled, model.Directory, Intake: new BlobIntake(layout, store.Options.Symlinks, model.Repository, model.Commit));
        }).ToArray();
        foreach (var install in installs)
            install.Intake.Begin();
        ILookup<string, (BlobIntake Intake, BlobContent Content)> places = installs
            .SelectMany(install => install.Bundled.Files.Select(file => (install.Intake, Content: new BlobContent(file.Path, file.Bytes, file.ETag, file.Sha256))))
            .Where(place => !place.Intake.Has(place.Content))
            .ToLookup(place => place.Content.Sha256!, StringComparer.Ordinal);

        var meter = new TransferMeter(progress, places.Sum(group => group.First().Content.Bytes), store.Options.Transfer.ReportEvery, TimeProvider.System);
        HashSet<string> wanted = [.. places.Select(group => group.Key)];
        try
        {
            // With nothing to take, a folder or file was checked when it was opened.
            await foreach ((string sha256, Stream stream) in _source.ReadAsync(Manifest, wanted, cancellationToken).ConfigureAwait(false))
            {
                (BlobIntake intake, BlobContent content) = places[sha256].First();
                await intake.TakeAsync(content, stream, read => meter.AddFetched(content.Path, read), cancellationToken).ConfigureAwait(false);
                foreach ((BlobIntake other, BlobContent same) in places[sha256].Skip(1))
                    await other.TakeFileAsync(same, intake.Where(content), move: false, null, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (EndOfStreamException e)
        {
            throw BundleFormat.Corrupt(_source.Name, "it ends in the middle of a file", e);
        }

        // Where there are no links a blob moves into its snapshot, unless another model of the repository needs it too.
        HashSet<string> shared = [.. installs.SelectMany(install => install.Bundled.Files.Select(file => (install.Bundled.Repository, file.ETag, install.Bundled.Commit, file.Path)).Distinct())
            .Distinct().GroupBy(file => (file.Repository, file.ETag)).Where(group => group.Count() > 1).Select(group => group.Key.ETag)];
        foreach (var install in installs)
            await install.Intake.FinishAsync([.. install.Bundled.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, 0))], install.Bundled.Revision, shared, cancellationToken).ConfigureAwait(false);
        if (places.Count > 0)
            meter.Finish(places.Last().First().Content.Path);
        return [.. installs.Select(install => InstalledFiles.Model(
            install.Directory, install.Bundled.Repository, install.Bundled.Commit, install.Bundled.Variant,
            [.. install.Bundled.Files.Select(file => new InstalledFile(file.Path, file.Bytes, file.Sha256))], DateTimeOffset.UtcNow))];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private static async Task<BundleReader> OpenAsync(BundleSource source, CancellationToken cancellationToken)
    {
        try
        {
            return new BundleReader(source, await source.OpenAsync(cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static BundledInstall Plan(StoreLayout layout, bool symlinks, BundledModel model)
    {
        string directory = layout.Snapshot(model.Repository, model.Commit);
        var snapshot = new SnapshotWriter(layout, symlinks, model.Repository, model.Commit);
        PlannedFile[] files = [.. model.Files.Select(file => new PlannedFile(file.Path, file.Bytes, file.ETag, 0))];
        InstallPlanner.Check(layout, model.Repository, model.Commit, directory, files);
        return new BundledInstall(model.Repository, model.Commit, model.Revision, model.Variant, directory, [.. files.Select(file => snapshot.Has(file) ? file with { PresentBytes = file.Bytes } : file)]);
    }

    private IEnumerable<BundledModel> Choose(IReadOnlyList<string>? models)
    {
        if (models is null or { Count: 0 })
            return Manifest.Models;
        return models.SelectMany(text =>
        {
            ModelName name = ModelName.Parse(text);
            BundledModel[] found = [.. Manifest.Models.Where(model => string.Equals(model.Repository, name.Repository, StringComparison.OrdinalIgnoreCase)
                && (name.Variant is null || string.Equals(model.Variant, name.Variant, StringComparison.OrdinalIgnoreCase)))];
            return found.Length > 0
                ? found
                : throw new ModelOpsException(ErrorKind.ModelNotFound, $"The bundle has no {text}.", $"It has: {string.Join(", ", Manifest.Models.Select(model => $"{model.Repository}:{model.Variant}"))}.");
        }).Distinct();
    }
}
