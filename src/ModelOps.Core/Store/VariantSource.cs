using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Who says what a variant is made of: the hub, or the store where the hub cannot or need not be asked.</summary>
internal static class VariantSource
{
    private const int CommitDigits = 40;

    public static async Task<ModelVariant> FindAsync(ModelStore store, HubClient hub, string repository, string? variant, string revision, bool projector, CancellationToken cancellationToken)
    {
        RepositoryName.Ensure(repository);
        InstalledModel? installed = InstalledFiles.Find(store, repository, variant, revision);
        // A commit never changes, and nobody else has what was imported.
        bool pinned = variant is not null && revision.Length == CommitDigits && BlobDigest.IsDigest(revision);
        bool imported = repository.StartsWith(ImportSource.Organisation + "/", StringComparison.Ordinal);
        bool complete = installed is not null && (!projector || installed.Files.Any(file => GgufName.Companion(file.Path) == CompanionKind.Projector));
        if (complete && (hub.Options.Offline || pinned || imported))
            return await FromStoreAsync(installed!, cancellationToken).ConfigureAwait(false);
        try
        {
            ModelVariant found = await hub.GetVariantAsync(repository, variant, revision, cancellationToken).ConfigureAwait(false);
            return projector ? found.WithProjector() : found;
        }
        catch (ModelOpsException e) when (e.Kind == ErrorKind.NetworkFailure && installed is not null)
        {
            throw new ModelOpsException(e.Kind, e.Message, $"It is installed (commit {installed.Commit}): HF_HUB_OFFLINE=1 takes what is there. {e.Hint}".TrimEnd(), e);
        }
        catch (ModelOpsException e) when (e.Kind == ErrorKind.Offline)
        {
            throw new ModelOpsException(e.Kind, $"'{repository}{(variant is null ? "" : ":" + variant)}' is not completely in the store, and offline mode is on.",
                "Unset HF_HUB_OFFLINE, or bring the model as a bundle: modelops pull --from-bundle PATH", e);
        }
    }

    private static async Task<ModelVariant> FromStoreAsync(InstalledModel model, CancellationToken cancellationToken)
    {
        IReadOnlyList<StoredFile> files = await InstalledFiles.ReadAsync(model, cancellationToken).ConfigureAwait(false);
        return new ModelVariant(model.Repository, model.Commit, model.Variant, model.Kind, files.Sum(file => file.Bytes),
            [.. files.Select(file => new RepositoryFile(file.Path, file.Bytes, BlobDigest.IsSha256(file.ETag) ? file.ETag : null, file.ETag))]);
    }
}
