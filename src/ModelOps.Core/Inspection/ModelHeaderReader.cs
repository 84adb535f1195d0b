using ModelOps.Conversion;
using ModelOps.Formats;

namespace ModelOps;

/// <summary>
/// The header of a model, wherever the model is: of all shards of a GGUF model together, of a checkpoint the one that a conversion would
/// write, without its vocabulary. From the hub only headers and small files come over the network.
/// </summary>
public static class ModelHeaderReader
{
    /// <summary>The header of a model on this disk; a checkpoint's is that of the file converted with the recipe <paramref name="type"/>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedArchitecture"/>, <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static ModelHeader Read(string path, ModelKind kind, string type = "BF16")
        => kind == ModelKind.Gguf ? OfShards([.. GgufShards.Of(path).Select(GgufFile.Read)]) : ConversionPlanner.PlanWithoutVocabulary(path, type).ToHeader();

    /// <summary>The header of a variant on the hub; a checkpoint's is that of the file converted with the recipe <paramref name="type"/>.</summary>
    /// <exception cref="ModelOpsException">As for one on this disk, and what the hub answers.</exception>
    public static async Task<ModelHeader> ReadAsync(HubClient hub, ModelVariant variant, string type = "BF16", CancellationToken cancellationToken = default)
    {
        if (variant.Kind == ModelKind.Gguf)
            return OfShards(await RemoteHeaders.ReadAsync(hub, variant, cancellationToken).ConfigureAwait(false));
        try
        {
            return await ReadCheckpointAsync(hub, variant, type, StubPurpose.Shape, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Kind == ErrorKind.UnsupportedTokenizer)
        {
            // What a few models are depends on their vocabulary: of a reranker only the rows of two words are kept.
            return await ReadCheckpointAsync(hub, variant, type, StubPurpose.Plan, cancellationToken).ConfigureAwait(false);
        }
    }

    // The first shard has the metadata, all have tensors.
    internal static ModelHeader OfShards(IReadOnlyList<GgufFile> shards)
    {
        GgufShards.Require(shards);
        return shards.Count == 1 ? ModelHeader.Of(shards[0]) : new ModelHeader(shards[0].Metadata, [.. shards.SelectMany(shard => shard.Tensors)]);
    }

    private static async Task<ModelHeader> ReadCheckpointAsync(HubClient hub, ModelVariant variant, string type, StubPurpose purpose, CancellationToken cancellationToken)
    {
        using var stub = await CheckpointStub.DownloadAsync(hub, variant, purpose, cancellationToken).ConfigureAwait(false);
        try
        {
            return ConversionPlanner.PlanWithoutVocabulary(stub.Folder, type).ToHeader();
        }
        catch (ModelOpsException exception) when (stub.InRepository(exception) is { } named)
        {
            throw named;
        }
    }
}
