using System.Globalization;

namespace ModelOps;

/// <summary>
/// Which variant of a repository is the best for a machine: of those that fit wholly on the GPUs (without one: at all) the one with the most bits a weight,
/// else of those that fit with a part on the CPU.
/// </summary>
public static class VariantRanking
{
    /// <summary>
    /// The GGUF variants from the best to the worst. One header is read, the others are estimated by their files' sizes, and then the header of whichever
    /// comes out first, until the first is one whose header was read.
    /// </summary>
    /// <param name="hub">The hub that they are on.</param>
    /// <param name="variants">Variants of one repository.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="request">What is wished for.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.VariantNotFound"/> when none is a GGUF; what the hub answers, and what is wrong with the only header.</exception>
    public static async Task<IReadOnlyList<RankedVariant>> RankAsync(HubClient hub, IReadOnlyList<ModelVariant> variants, Machine machine, FitRequest request, CancellationToken cancellationToken = default)
    {
        List<ModelVariant> left = [.. variants.Where(variant => variant.Kind == ModelKind.Gguf)];
        if (left.Count == 0)
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"'{(variants.Count > 0 ? variants[0].Repository : "The repository")}' has no GGUF variants to choose from.", "A checkpoint is converted to the type that fits: modelops convert --fit.");
        Dictionary<ModelVariant, ModelShape> read = [];
        var next = left.Find(variant => variant.IsDefault) ?? left[0];
        while (true)
        {
            try
            {
                read.Add(next, await ModelShapeReader.ReadAsync(hub, next, cancellationToken: cancellationToken).ConfigureAwait(false));
            }
            catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedType or ErrorKind.UnsupportedArchitecture && left.Count > 1)
            {
                // What cannot be read cannot be the best.
                left.Remove(next);
            }
            if (read.Count > 0)
            {
                var ranked = Rank(left, read, machine, request);
                if (ranked[0].IsExact)
                    return ranked;
                next = left.Find(variant => variant.Name == ranked[0].Variant)!;
            }
            else
            {
                next = left[0];
            }
        }
    }

    /// <summary>The best of a ranking.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.DoesNotFit"/> when not even that fits.</exception>
    public static RankedVariant Best(IReadOnlyList<RankedVariant> ranking)
        => ranking[0].Fit.Fits ? ranking[0] : throw new ModelOpsException(
            ErrorKind.DoesNotFit,
            $"None of the {ranking.Count} variants of {ranking[0].Repository} fits {ranking[0].Fit.Machine}.",
            Smallest(ranking) is { Fit.Advice: [var first, ..] } smallest ? $"Of {smallest.Variant}, the smallest: {first}" : null);

    /// <summary>The variant that takes least.</summary>
    public static RankedVariant Smallest(IReadOnlyList<RankedVariant> ranking) => ranking.MinBy(variant => variant.Bytes)!;

    private static List<RankedVariant> Rank(List<ModelVariant> variants, Dictionary<ModelVariant, ModelShape> read, Machine machine, FitRequest request)
    {
        var (known, measure) = read.First();
        var ranked = from variant in variants
                     // Rather too small than too large: what comes out first has its header read and is corrected, what falls out is not.
                     let shape = read.GetValueOrDefault(variant) ?? measure.WithBitsPerWeight(measure.BitsPerWeight * variant.Bytes / known.Bytes)
                     let bits = read.GetValueOrDefault(variant)?.BitsPerWeight ?? measure.BitsOf(variant.Bytes, known.Bytes)
                     let fit = FitEstimator.Estimate(shape, machine, request)
                     let place = Place(fit, shape, request)
                     orderby place, bits descending, variant.Name
                     select (variant, shape, bits, fit, place);
        return [.. ranked.Select((entry, index) => Describe(index + 1, entry.variant, entry.shape, entry.bits, entry.fit, entry.place, read.ContainsKey(entry.variant)))];
    }

    private static RankedVariant Describe(int rank, ModelVariant variant, ModelShape shape, double bits, FitResult fit, Standing standing, bool isExact)
    {
        // Makers say so in the name; google/gemma-3-4b-it-qat-q4_0-gguf.
        var isAware = variant.Repository.Contains("qat", StringComparison.OrdinalIgnoreCase) || variant.Name.Contains("qat", StringComparison.OrdinalIgnoreCase);
        var place = standing switch
        {
            Standing.Wholly when fit.GpuLayers > 0 => "fits wholly on the GPU",
            Standing.Wholly => "fits in main memory",
            Standing.Partly when fit.GpuLayers > shape.Layers => $"fits with the experts of {fit.Parameters.CpuExpertLayers} layers on the CPU",
            Standing.Partly => $"fits with {fit.GpuLayers} of {shape.Layers + 1} layers on the GPU",
            _ => "does not fit",
        };
        var reason = string.Create(CultureInfo.InvariantCulture, $"{bits:0.0} bits a weight, {place} at {fit.ContextLength:#,0} tokens");
        return new RankedVariant
        {
            Rank = rank,
            Repository = variant.Repository,
            Commit = variant.Commit,
            Variant = variant.Name,
            Bytes = variant.Bytes,
            BitsPerWeight = bits,
            IsQuantizationAware = isAware,
            IsExact = isExact,
            Reason = $"{reason}{(isAware ? "; trained for quantization" : "")}{(isExact ? "" : "; by its size")}",
            Fit = fit with { Model = ModelShapeReader.NameOf(variant), Repository = variant.Repository, Commit = variant.Commit, Variant = variant.Name },
        };
    }

    private static Standing Place(FitResult fit, ModelShape shape, FitRequest request)
        => !fit.Fits ? Standing.Not
            : request.GpuLayers == 0 || fit.Devices.Count == 1 || (fit.GpuLayers == shape.Layers + 1 && fit.Parameters.CpuExpertLayers == 0) ? Standing.Wholly
            : Standing.Partly;

    private enum Standing
    {
        Wholly,
        Partly,
        Not,
    }
}
