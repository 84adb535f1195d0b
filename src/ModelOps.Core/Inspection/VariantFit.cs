namespace ModelOps;

/// <summary>Says of the variants of a repository whether they fit a machine, before any of them is downloaded.</summary>
public static class VariantFit
{
    // Headers of this many GGUF variants are read one by one; a vocabulary makes each several MB, so a repository with dozens is estimated from one.
    private const int FewVariants = 4;

    /// <summary>
    /// The variants with <see cref="ModelVariant.Fits"/> filled in, at the default context. A checkpoint is judged by size alone (its weights against the free
    /// memory), as it is not run as it is. The headers of a few GGUF variants are all read; of many, one is, and the others are taken to differ in the weights'
    /// size only. Null where a header cannot be understood.
    /// </summary>
    /// <exception cref="ModelOpsException">What the hub answers.</exception>
    public static async Task<IReadOnlyList<ModelVariant>> CheckAsync(HubClient hub, IReadOnlyList<ModelVariant> variants, Machine machine, CancellationToken cancellationToken = default)
    {
        var free = machine.Devices.Where(device => device.Kind != DeviceKind.IntegratedGpu && device.Unusable is null).Sum(device => device.FreeBytes);
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
                shape = other.Shape.WithBitsPerWeight(other.Shape.BitsPerWeight * variant.Bytes / other.Bytes);
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

    private static async Task<ModelShape?> FindShapeAsync(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        try
        {
            return await ModelShapeReader.ReadAsync(hub, variant, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedArchitecture or ErrorKind.UnsupportedType)
        {
            // The others can still be told.
            return null;
        }
    }
}
