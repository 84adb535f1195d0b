using ModelOps.Conversion;
using ModelOps.Formats;

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
        return kind == ModelKind.Gguf ? FromShards([.. GgufShards.Of(path).Select(GgufFile.Read)], name) : FromCheckpoint(path, name, type);
    }

    /// <summary>The shape of a variant on the hub; a checkpoint's is that of the file converted with the recipe <paramref name="type"/>.</summary>
    /// <exception cref="ModelOpsException">As for one on this disk, and what the hub answers.</exception>
    public static async Task<ModelShape> ReadAsync(HubClient hub, ModelVariant variant, string type = "BF16", CancellationToken cancellationToken = default)
    {
        var name = NameOf(variant);
        if (variant.Kind == ModelKind.Checkpoint)
        {
            using var stub = await CheckpointStub.DownloadAsync(hub, variant, cancellationToken).ConfigureAwait(false);
            return FromCheckpoint(stub.Folder, name, type);
        }
        return FromShards(await RemoteHeaders.ReadAsync(hub, variant, cancellationToken).ConfigureAwait(false), name);
    }

    // The first shard has the metadata, all have tensors.
    internal static ModelShape FromShards(List<GgufFile> shards, string name)
        => ModelShape.FromHeader(shards[0].Metadata, shards.Count == 1 ? shards[0].Tensors : [.. shards.SelectMany(shard => shard.Tensors)], name);

    internal static string NameOf(ModelVariant variant) => $"{variant.Repository}:{variant.Name}";

    private static ModelShape FromCheckpoint(string folder, string name, string type)
    {
        // Whether there is a lattice changes no size, so no weight need be looked at; the output is never written.
        var plan = ConversionPlan.Create(folder, Path.Combine(Path.GetTempPath(), "shape.gguf"), new ConversionOptions { Type = type, KeepLattice = false, Overwrite = true });
        return plan.ToShape() with { Name = name };
    }
}
