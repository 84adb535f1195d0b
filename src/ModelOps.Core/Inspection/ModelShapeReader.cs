using ModelOps.Inspection;

namespace ModelOps;

/// <summary>
/// The shape of a model for <see cref="FitEstimator"/>, wherever the model is: GGUF files from their headers alone, checkpoints as what a conversion would
/// write. From the hub only headers and small files come over the network.
/// </summary>
public static class ModelShapeReader
{
    /// <summary>
    /// The shape of a model on this disk, a GGUF file or a checkpoint's folder; a checkpoint's is that of the file converted with the recipe
    /// <paramref name="type"/>. <paramref name="name"/> null takes the file's.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedArchitecture"/>, <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static ModelShape Read(string path, ModelKind kind, string? name = null, string type = "BF16")
    {
        name ??= Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        return ModelHeaderReader.Read(path, kind, type).ToShape(name);
    }

    /// <summary>Refuses a recipe for a model that is not converted: a fit would answer for the types that the file has, not for those that were asked about.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static void RequirePlanned(ModelShape shape, string type)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.PlannedType is null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{shape.Name} is a GGUF model, whose types are settled: a recipe, {type}, is for a checkpoint.",
                "Leave out the type, or name the checkpoint; modelops convert makes another GGUF of one.");
        }
    }

    /// <summary>The shape of a variant on the hub; a checkpoint's is that of the file converted with the recipe <paramref name="type"/>.</summary>
    /// <exception cref="ModelOpsException">As for one on this disk, and what the hub answers.</exception>
    public static async Task<ModelShape> ReadAsync(HubClient hub, ModelVariant variant, string type = "BF16", CancellationToken cancellationToken = default)
        => (await ModelHeaderReader.ReadAsync(hub, variant, type, cancellationToken).ConfigureAwait(false)).ToShape(NameOf(variant));

    /// <summary>
    /// The shape of a variant of a repository, at the commit that a revision stands for; from <paramref name="cache"/> when it was read before. One
    /// question to the hub then (which commit it is, and whether this token may see it), none for a pinned commit or offline.
    /// </summary>
    /// <param name="hub">The hub.</param>
    /// <param name="repository">Repository, <c>org/repo</c>.</param>
    /// <param name="variant">Variant; null takes the one that an installation would.</param>
    /// <param name="revision">Branch, tag or commit; null means <c>main</c>.</param>
    /// <param name="type">For a checkpoint: the recipe.</param>
    /// <param name="cache">What was read before; null reads anew.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException">As for one on this disk, and what the hub answers.</exception>
    public static async Task<RemoteShape> FindAsync(
        HubClient hub, string repository, string? variant = null, string? revision = null, string type = "BF16", ShapeCache? cache = null, CancellationToken cancellationToken = default)
    {
        var wish = new ShapeWish(hub.Options, repository, variant, type);
        if (cache?.FindCommit(wish, revision, hub.Options.Offline) is { } pinned && cache.Find(wish, pinned) is { } known)
            return known;
        var info = await hub.GetRepositoryAsync(repository, revision, cancellationToken).ConfigureAwait(false);
        cache?.KeepCommit(wish, revision, info.Commit);
        if (cache?.Find(wish, info.Commit) is { } read)
            return read;
        var variants = await hub.GetVariantsAsync(info, cancellationToken).ConfigureAwait(false);
        var found = Hub.VariantGrouping.Choose(info.Repository, variants, variant);
        var remote = RemoteShape.Of(found, await ModelHeaderReader.ReadAsync(hub, found, type, cancellationToken).ConfigureAwait(false), Others(found, variants));
        cache?.Keep(wish, remote);
        return remote;
    }

    // A checkpoint is of another kind: what it takes depends on what it is converted to.
    private static IReadOnlyList<VariantSize> Others(ModelVariant found, IReadOnlyList<ModelVariant> variants)
        => found.Kind == ModelKind.Checkpoint ? [] : [.. variants.Where(variant => variant.Kind == ModelKind.Gguf && variant.Name != found.Name).Select(variant => new VariantSize(variant.Name, variant.Bytes))];

    internal static ModelShape FromShards(IReadOnlyList<GgufFile> shards, string name) => ModelHeaderReader.OfShards(shards).ToShape(name);

    internal static string NameOf(ModelVariant variant) => $"{variant.Repository}:{variant.Name}";
}
