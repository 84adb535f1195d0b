using ModelOps.Hub;

namespace ModelOps;

/// <summary>Finds what a conversion of a repository starts from.</summary>
public static class RemoteSource
{
    // What was rounded least, at the least cost; F32 is mostly BF16 made twice as large.
    private static readonly string[] Preferred = ["BF16", "F16", "F32"];
    private static readonly string[] Pickles = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    /// <summary>
    /// The variant to convert, at a commit: the named one, else the checkpoint, else the GGUF that was rounded least.
    /// </summary>
    /// <param name="hub">The hub.</param>
    /// <param name="repository">Repository, <c>org/repo</c>.</param>
    /// <param name="variant">Variant, or null.</param>
    /// <param name="revision">Branch, tag or commit; null means <c>main</c>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.VariantNotFound"/> when there is nothing to convert, and what the hub answers.</exception>
    public static async Task<ModelVariant> FindAsync(HubClient hub, string repository, string? variant = null, string? revision = null, CancellationToken cancellationToken = default)
    {
        var info = await hub.GetRepositoryAsync(repository, revision, cancellationToken).ConfigureAwait(false);
        var files = await hub.GetFilesAsync(info.Repository, info.Commit, cancellationToken).ConfigureAwait(false);
        var variants = VariantGrouping.Group(info.Repository, info.Commit, files);
        if (variants.Count == 0)
            throw Nothing(info.Repository, files);
        if (variant is not null)
            return VariantGrouping.Choose(info.Repository, variants, variant);
        return variants.FirstOrDefault(candidate => candidate.Kind == ModelKind.Checkpoint)
            ?? Preferred.Select(name => variants.FirstOrDefault(candidate => candidate.Quantization == name)).FirstOrDefault(candidate => candidate is not null)
            ?? variants.MaxBy(candidate => candidate.Bytes)!;
    }

    private static ModelOpsException Nothing(string repository, IReadOnlyList<RepositoryFile> files)
    {
        if (files.FirstOrDefault(file => Pickles.Contains(Path.GetExtension(file.Path), StringComparer.OrdinalIgnoreCase)) is { } pickle)
        {
            return new ModelOpsException(
                ErrorKind.VariantNotFound,
                $"'{repository}' has no safetensors, only pickled weights ({pickle.Path}), which can run code when opened.",
                "Look for a revision or another repository with safetensors; the hub's own conversions are branches such as refs/pr/1.");
        }
        return files.Any(file => file.Path == "adapter_config.json")
            ? new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' is an adapter, not a model.", "Install it (modelops pull) and convert its folder.")
            : new ModelOpsException(ErrorKind.VariantNotFound, $"'{repository}' has neither a complete safetensors checkpoint nor GGUF files.", "Look for a repository of the same model that has.");
    }
}
