namespace ModelOps;

/// <summary>What is on disk, in the hub's cache layout (facts/hub-api.md 2.8): install, list, find.</summary>
public sealed class ModelStore
{
    /// <summary>A store in a folder, which is created when something is installed.</summary>
    public ModelStore(StoreOptions options) => Options = options;

    /// <summary>The options it was made with.</summary>
    public StoreOptions Options { get; }

    /// <summary>
    /// Plans the download of a variant. <paramref name="variant"/> null takes the repository's only variant, else the best known default
    /// (Q4_K_M, Q4_0, Q8_0, then the first GGUF, then the checkpoint). Only reads: hub metadata and what is on disk.
    /// </summary>
    public Task<DownloadPlan> PlanInstallAsync(HubClient hub, string repository, string? variant = null, string? revision = null, CancellationToken cancellationToken = default)
        => throw new NotImplementedException();

    /// <summary>
    /// Downloads what the plan says into the store: ranged, parallel, resumable, verified by digest before a file gets its name.
    /// </summary>
    public Task<InstalledModel> InstallAsync(HubClient hub, DownloadPlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
        => throw new NotImplementedException();

    /// <summary>All installed models, newest first.</summary>
    public IReadOnlyList<InstalledModel> GetModels() => throw new NotImplementedException();

    /// <summary>
    /// Finds MODEL: a path of a GGUF file or checkpoint folder, or <c>org/repo[:variant]</c> of the store.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ModelNotFound"/>, with the near misses in the hint.</exception>
    public ResolvedModel Resolve(string model) => throw new NotImplementedException();
}
