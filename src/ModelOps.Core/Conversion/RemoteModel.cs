using ModelOps.Conversion;
using ModelOps.Hub;

namespace ModelOps;

/// <summary>What can be said of a model of the hub before it is downloaded, from headers read by ranges.</summary>
public static class RemoteModel
{
    // Headers of this many GGUF variants are read one by one; a vocabulary makes each several MB, so a repository with dozens is estimated from one.
    private const int FewVariants = 4;

    /// <summary>
    /// The shape of a variant. Of a GGUF only the header is read. Of a checkpoint the small files and the safetensors headers are, and the shape is that of the
    /// GGUF it would be converted to: <paramref name="type"/> names the recipe.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedArchitecture"/>, and what the hub answers.</exception>
    public static Task<ModelShape> ReadShapeAsync(HubClient hub, ModelVariant variant, string type = "BF16", CancellationToken cancellationToken = default)
        => Task.Run(() => variant.Kind == ModelKind.Gguf
            ? ReadGguf(hub, variant, cancellationToken)
            : RemoteCheckpoint.ReadShape(hub, variant, type, cancellationToken), cancellationToken);

    /// <summary>
    /// Says of each variant whether it fits a machine at the default context. A checkpoint is judged by size alone (its weights against the free memory): it is not
    /// run as it is. The headers of a few GGUF variants are all read; of many, one is, and the others are taken to differ in the weights' size only.
    /// </summary>
    public static async Task<IReadOnlyList<ModelVariant>> CheckFitAsync(HubClient hub, IReadOnlyList<ModelVariant> variants, Machine machine, CancellationToken cancellationToken = default)
    {
        var free = machine.Devices.Where(device => device.Kind != DeviceKind.IntegratedGpu).Sum(device => device.FreeBytes);
        var ggufCount = variants.Count(variant => variant.Kind == ModelKind.Gguf);
        (ModelShape Shape, long Bytes)? known = null;
        var result = new List<ModelVariant>();
        foreach (var variant in variants)
        {
            if (variant.Kind == ModelKind.Checkpoint)
            {
                result.Add(variant with { Fits = WeightsBytes(variant) < free });
                continue;
            }
            ModelShape? shape;
            if (known is { } other && ggufCount > FewVariants)
            {
                shape = Scale(other.Shape, (double)variant.Bytes / other.Bytes);
            }
            else
            {
                shape = await FindShapeAsync(hub, variant, cancellationToken).ConfigureAwait(false);
                known ??= shape is null ? null : (shape, variant.Bytes);
            }
            result.Add(variant with { Fits = shape is null ? null : FitEstimator.Estimate(shape, machine, new FitRequest()).Fits });
        }
        return result;
    }

    private static long WeightsBytes(ModelVariant variant) => variant.Files.Where(file => file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)).Sum(file => file.Bytes);

    /// <summary>Null when the header cannot be understood: then whether it fits cannot be told, and the other variants still can.</summary>
    private static async Task<ModelShape?> FindShapeAsync(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadShapeAsync(hub, variant, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedArchitecture or ErrorKind.UnsupportedType)
        {
            return null;
        }
    }

    private static ModelShape ReadGguf(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        // Every shard lists its own tensors; the first one has the model's metadata.
        GgufMetadata? metadata = null;
        var tensors = new List<GgufTensor>();
        foreach (var file in variant.Files.Where(file => file.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)).OrderBy(file => file.Path, StringComparer.Ordinal))
        {
            using var stream = new RemoteStream(hub, variant.Repository, variant.Commit, file, cancellationToken);
            var header = GgufFile.Read(stream, file.Bytes);
            metadata ??= header.Metadata;
            tensors.AddRange(header.Tensors);
        }
        return metadata is null
            ? throw new ModelOpsException(ErrorKind.VariantNotFound, $"Variant '{variant.Name}' of {variant.Repository} has no GGUF file.")
            : ModelShape.FromHeader(metadata, tensors, $"{variant.Repository}:{variant.Name}");
    }

    private static ModelShape Scale(ModelShape shape, double factor) => shape with
    {
        LayerBytes = [.. shape.LayerBytes.Select(bytes => (long)(bytes * factor))],
        InputBytes = (long)(shape.InputBytes * factor),
        OutputBytes = (long)(shape.OutputBytes * factor),
        WeightsBytes = (long)(shape.WeightsBytes * factor),
        ActiveBytes = (long)(shape.ActiveBytes * factor),
    };
}
