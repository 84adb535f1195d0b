using ModelOps.Conversion;
using ModelOps.Inspection;

namespace ModelOps;

/// <summary>Says of the variants of a repository what they really hold and whether they fit a machine, before any of them is downloaded.</summary>
public static class VariantFit
{
    // Headers of this many GGUF variants are read unasked; a vocabulary makes each several MB, so a repository with dozens is estimated from one.
    private const int FewVariants = 4;
    private const int HeadersAtOnce = 4;

    /// <summary>
    /// The variants with <see cref="ModelVariant.Fits"/> filled in, and for those whose headers are read
    /// <see cref="ModelVariant.Quantization"/> and <see cref="ModelVariant.NameDisagrees"/>. A checkpoint is judged by size alone (its weights against the
    /// free memory), as it is not run as it is. The headers of a few GGUF variants are all read; of many the default's is, and the others are taken to differ
    /// in the weights' size only. What cannot be told stays null: a header that is not understood, or files that may not be read (gated).
    /// </summary>
    /// <param name="hub">The hub that they are on.</param>
    /// <param name="variants">Variants of one repository.</param>
    /// <param name="machine">The machine; null reads headers only.</param>
    /// <param name="allHeaders">Read every header, however many there are.</param>
    /// <param name="request">What is wished for; null is the default of everything.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException">What the hub answers.</exception>
    public static async Task<IReadOnlyList<ModelVariant>> CheckAsync(HubClient hub, IReadOnlyList<ModelVariant> variants, Machine? machine, bool allHeaders = false, FitRequest? request = null, CancellationToken cancellationToken = default)
    {
        ModelVariant[] gguf = [.. variants.Where(variant => variant.Kind == ModelKind.Gguf)];
        ModelVariant[] wanted = allHeaders || gguf.Length <= FewVariants ? gguf : [gguf.FirstOrDefault(variant => variant.IsDefault) ?? gguf[0]];
        IReadOnlyDictionary<ModelVariant, Header> headers = await ReadAsync(hub, wanted, cancellationToken).ConfigureAwait(false);
        (ModelShape Shape, long Bytes)? known = headers.FirstOrDefault(entry => entry.Value.Shape is not null) is { Value.Shape: { } one } found ? (one, found.Key.Bytes) : null;
        long free = machine?.Devices.Where(device => device.Kind != DeviceKind.IntegratedGpu && device.Unusable is null).Sum(device => device.FreeBytes) ?? 0;

        return [.. variants.Select(variant =>
        {
            if (variant.Kind == ModelKind.Checkpoint)
                return machine is null ? variant : variant with { Fits = WeightsBytes(variant) < free };
            Header? header = headers.GetValueOrDefault(variant);
            ModelShape? shape = header is not null || known is not { } other ? header?.Shape : other.Shape.WithBitsPerWeight(other.Shape.BitsPerWeight * variant.Bytes / other.Bytes);
            return variant with
            {
                Fits = shape is null || machine is null ? null : FitEstimator.Estimate(shape, machine, request ?? new FitRequest()).Fits,
                Quantization = header?.Quantization?.Name(variant.Quantization) ?? variant.Quantization,
                NameDisagrees = variant.Quantization is null ? null : !header?.Quantization?.Supports(variant.Quantization),
            };
        })];
    }

    private static long WeightsBytes(ModelVariant variant) => variant.Files.Where(file => file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)).Sum(file => file.Bytes);

    private static async Task<IReadOnlyDictionary<ModelVariant, Header>> ReadAsync(HubClient hub, ModelVariant[] variants, CancellationToken cancellationToken)
    {
        var headers = new Header?[variants.Length];
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = HeadersAtOnce, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(Enumerable.Range(0, variants.Length), options, async (index, token) =>
                headers[index] = await ReadAsync(hub, variants[index], token).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.PrivateRepository or ErrorKind.GatedRepository or ErrorKind.Unauthorized)
        {
            // The list of a gated repository is public, its files are not.
        }
        return variants.Zip(headers).Where(entry => entry.Second is not null).ToDictionary(entry => entry.First, entry => entry.Second!);
    }

    private static async Task<Header?> ReadAsync(HubClient hub, ModelVariant variant, CancellationToken cancellationToken)
    {
        List<GgufFile> shards;
        try
        {
            shards = await RemoteHeaders.ReadAsync(hub, variant, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedType)
        {
            // The others can still be told.
            return new Header(null, null);
        }
        HeaderQuantization? quantization = HeaderQuantization.Of(shards[0].Metadata, shards.SelectMany(shard => shard.Tensors));
        try
        {
            return new Header(ModelShapeReader.FromShards(shards, ModelShapeReader.NameOf(variant)), quantization);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedArchitecture or ErrorKind.UnsupportedType)
        {
            return new Header(null, quantization);
        }
    }

    /// <summary>What a header says; null what cannot be understood.</summary>
    private sealed record Header(ModelShape? Shape, HeaderQuantization? Quantization);
}
