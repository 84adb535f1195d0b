using ModelOps.Store;

namespace ModelOps;

/// <summary>
/// What is on disk, in the hub's cache layout (hub-docs, local-cache.md): install, list, find. To look after it: <see cref="StoreInventory"/>,
/// <see cref="StoreVerifier"/>, <see cref="StoreCleaner"/>.
/// </summary>
public sealed class ModelStore
{
    private const string DefaultRevision = "main";

    private readonly StoreLayout _layout;
    private readonly StoreLayers _layers;

    /// <summary>A store in a folder, which is created when something is installed.</summary>
    public ModelStore(StoreOptions options)
    {
        Options = options;
        _layout = new StoreLayout(options.Directory);
        _layers = new StoreLayers(options);
    }

    /// <summary>The options it was made with.</summary>
    public StoreOptions Options { get; }

    /// <summary>
    /// Plans the download of a variant. <paramref name="variant"/> null takes the repository's only variant, else the best known default
    /// (Q4_K_M, Q4_0, Q8_0, then the first GGUF, then the checkpoint); <paramref name="projector"/> adds its vision projector. Only reads: hub metadata and
    /// what is on disk. A model that is completely installed is planned without the hub in offline mode, when it was imported under <c>local/</c>, and when
    /// variant and commit are named.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.VariantNotFound"/>, <see cref="ErrorKind.FileNotFound"/> when there is no projector, <see cref="ErrorKind.CorruptFile"/> when the
    /// repository lists paths that lead out of the store, and the errors of <see cref="HubClient"/>.
    /// </exception>
    public async Task<DownloadPlan> PlanInstallAsync(HubClient hub, string repository, string? variant = null, string? revision = null, bool projector = false, CancellationToken cancellationToken = default)
    {
        revision ??= DefaultRevision;
        ModelVariant chosen = await VariantSource.FindAsync(this, hub, repository, variant, revision, projector, cancellationToken).ConfigureAwait(false);
        return SharedContents.Apply(InstallPlanner.Plan(_layout, chosen, revision, Options.Transfer), _layers);
    }

    /// <summary>
    /// Downloads what the plan says into the store, copies what shared stores have of it, and uses there what one has completely: ranged, parallel, resumable, verified by digest before a file gets its name. What is on disk is
    /// not fetched again; with everything there the network is not used.
    /// </summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InsufficientDiskSpace"/>, before the first byte or when the disk fills up; <see cref="ErrorKind.ChecksumMismatch"/>; the
    /// errors of <see cref="HubClient"/>. Nothing incomplete stands under a final name then.
    /// </exception>
    public async Task<InstalledModel> InstallAsync(HubClient hub, DownloadPlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        StoreLayout? shared = SharedContents.StoreOf(plan, _layers);
        InstallPlanner.Check(shared ?? _layout, plan);
        if (shared is null)
            await new Installer(_layers, Options, hub, plan, progress).RunAsync(cancellationToken).ConfigureAwait(false);
        else if (!SharedContents.HasAll(shared, plan))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"The shared store '{shared.Root}' no longer has all of '{plan.Repository}'.", "Plan again: what is missing there is then fetched.");

        var files = new List<InstalledFile>();
        foreach (PlannedFile file in plan.Files)
            files.Add(new InstalledFile(file.Path, file.Bytes, await InstalledFiles.Sha256Async(StoreLayout.File(plan.Directory, file.Path), file.ETag, cancellationToken).ConfigureAwait(false)));
        return new Inventory(shared ?? _layout, shared is not null).Complete(InstalledFiles.Model(plan.Directory, plan.Repository, plan.Commit, plan.Variant ?? "", files, hub.Options.Time.GetUtcNow()));
    }

    /// <summary>
    /// All installed models, newest first: those of other tools that share the cache, and those of shared stores too. Incomplete ones are left out;
    /// <see cref="StoreInventory"/> has them.
    /// </summary>
    public IReadOnlyList<InstalledModel> GetModels() => [.. _layers.Models().OrderByDescending(model => model.LastUsed)];

    /// <summary>
    /// Finds MODEL: a path of a GGUF file or checkpoint folder, or <c>org/repo[:variant]</c> of the store.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ModelNotFound"/>, with the near misses in the hint; <see cref="ErrorKind.InvalidArgument"/> when a folder holds several models.</exception>
    public ResolvedModel Resolve(string model) => new ModelResolver(_layers.Models, Options.WorkingDirectory).Resolve(model, null);

    /// <summary>Finds MODEL where only a GGUF file will do: for the engine.</summary>
    /// <exception cref="ModelOpsException">As <see cref="Resolve"/>; <see cref="ErrorKind.InvalidArgument"/> when it is a checkpoint.</exception>
    public string ResolveGguf(string model)
    {
        ResolvedModel resolved = new ModelResolver(_layers.Models, Options.WorkingDirectory).Resolve(model, ModelKind.Gguf);
        return resolved.Kind == ModelKind.Gguf
            ? resolved.Path
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{model}' is a checkpoint; the engine runs GGUF files.", $"Convert it first: modelops convert {model} --type Q8_0");
    }

    /// <summary>Finds MODEL as the source of a conversion. Of a repository that is installed in several variants, the checkpoint is meant.</summary>
    /// <exception cref="ModelOpsException">As <see cref="Resolve"/>.</exception>
    public ResolvedModel ResolveSource(string model) => new ModelResolver(_layers.Models, Options.WorkingDirectory).Resolve(model, ModelKind.Checkpoint);
}
