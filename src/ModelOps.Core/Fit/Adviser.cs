using System.Globalization;

namespace ModelOps.Fit;

/// <summary>Something to change, and what then holds.</summary>
/// <param name="Sentence">For people.</param>
/// <param name="Model">The model, in another type if that is the advice.</param>
/// <param name="Request">The request that was tried: estimated, it fits; null for a mere remark.</param>
internal sealed record Remedy(string Sentence, ModelShape Model, FitRequest? Request);

/// <summary>Finds what would make a model fit, or fit better, by estimating it: nothing is recommended that was not tried.</summary>
internal static class Adviser
{
    // Average bits a weight of llama.cpp's usual recipes, from least to most loss.
    private static readonly (string Name, double Bits)[] Recipes =
        [("Q8_0", 8.5), ("Q6_K", 6.57), ("Q5_K_M", 5.69), ("Q4_K_M", 4.85), ("Q4_0", 4.65), ("Q3_K_M", 3.91), ("Q2_K", 3.00)];

    public static IEnumerable<Remedy> Advise(ModelShape model, Machine machine, FitRequest request, MemoryModel memory, Footprint footprint)
        => (footprint.Fits ? Better(model, machine, request, memory, footprint) : Fitting(model, machine, request, memory, footprint))
            .Concat(Remarks(model, machine, request, memory));

    /// <summary>Ways to make it fit.</summary>
    private static IEnumerable<Remedy> Fitting(ModelShape model, Machine machine, FitRequest request, MemoryModel memory, Footprint footprint)
    {
        var found = false;
        if (LargestContext(model, machine, request, ContextPlan.CellMultiple, memory.Context.ContextLength - ContextPlan.CellMultiple) is { } context)
        {
            found = true;
            yield return new Remedy($"It fits with a context of {Count(context)} tokens, the largest that does.", model, request with { ContextLength = context });
        }
        foreach (var remedy in SmallerKv(model, machine, request, memory, candidate => FitEstimator.Fits(model, machine, candidate), "It fits"))
        {
            found = true;
            yield return remedy;
        }
        if (request.GpuLayers is not null && FewerGpuLayers(memory, footprint) is { } layers)
        {
            found = true;
            yield return new Remedy($"It fits with {layers} layers on the GPU instead of {footprint.GpuLayers}, the output counted first.", model, request with { GpuLayers = layers });
        }
        foreach (var batch in (int[])[256, 128, 64])
        {
            var smaller = request with { BatchSize = batch };
            if (batch < memory.Context.Batch && FitEstimator.Fits(model, machine, smaller))
            {
                found = true;
                yield return new Remedy($"It fits with a batch of {batch} tokens; prompts are then read more slowly.", model, smaller);
                break;
            }
        }
        if (SmallerType(model, candidate => FitEstimator.Fits(candidate, machine, request)) is { } type)
        {
            found = true;
            yield return new Remedy($"It fits as {type.Name}, which takes about {Size(type.Model.WeightsBytes)} instead of {Size(model.WeightsBytes)}.", type.Model, request);
        }
        if (!found)
        {
            yield return new Remedy($"No smaller context, batch or type makes it fit: {Size(footprint.MissingBytes)} are wanting as it was asked for.", model, null);
        }
    }

    /// <summary>Ways to fit better than it does.</summary>
    private static IEnumerable<Remedy> Better(ModelShape model, Machine machine, FitRequest request, MemoryModel memory, Footprint footprint)
    {
        // What was asked for explicitly is left as it was asked.
        if (request.GpuLayers is null && (footprint.GpuLayers < memory.MaxGpuLayers || (request.CpuExpertLayers is null && footprint.CpuExpertLayers > 0)))
        {
            bool AllOnGpu(ModelShape candidate, FitRequest changed) => FitEstimator.Fits(candidate, machine, changed with { GpuLayers = -1, CpuExpertLayers = 0 });
            var everything = $"All {memory.MaxGpuLayers} layers, the output among them, fit on the GPU";
            if (LargestContext(model, machine, request with { GpuLayers = -1, CpuExpertLayers = 0 }, ContextPlan.CellMultiple, memory.Context.ContextLength - ContextPlan.CellMultiple) is { } context)
            {
                yield return new Remedy($"{everything} with a context of {Count(context)} tokens.", model, request with { ContextLength = context, GpuLayers = -1, CpuExpertLayers = 0 });
            }
            foreach (var remedy in SmallerKv(model, machine, request with { GpuLayers = -1, CpuExpertLayers = 0 }, memory, candidate => AllOnGpu(model, candidate), everything))
            {
                yield return remedy;
            }
            if (SmallerType(model, candidate => AllOnGpu(candidate, request)) is { } type)
            {
                yield return new Remedy($"{everything} as {type.Name}, which takes about {Size(type.Model.WeightsBytes)} instead of {Size(model.WeightsBytes)}.", type.Model, request with { GpuLayers = -1, CpuExpertLayers = 0 });
            }
        }
        // Offered with the placement as it is: more context must not cost GPU layers.
        var kept = request with { GpuLayers = footprint.GpuLayers, CpuExpertLayers = footprint.CpuExpertLayers };
        if (model.TrainedContextLength > memory.Context.ContextLength
            && LargestContext(model, machine, kept, memory.Context.ContextLength + 1, model.TrainedContextLength) is { } larger && larger > memory.Context.ContextLength)
        {
            yield return new Remedy(
                larger == model.TrainedContextLength
                    ? $"There is room for all {Count(larger)} tokens of context that it was trained for."
                    : $"There is room for a context of up to {Count(larger)} tokens.",
                model, kept with { ContextLength = larger });
        }
    }

    private static IEnumerable<Remedy> Remarks(ModelShape model, Machine machine, FitRequest request, MemoryModel memory)
    {
        if (model.TrainedContextLength > 0 && request.ContextLength > model.TrainedContextLength)
        {
            yield return new Remedy($"It was trained for {Count(model.TrainedContextLength)} tokens of context; answers get worse beyond.", model, null);
        }
        if (request.GpuLayers is not (null or 0) && memory.MaxGpuLayers == 0)
        {
            yield return new Remedy("There is no GPU that the engine can use on this machine, so every layer is on the CPU.", model, null);
        }
        // Nobody who asked for no GPU wants to know which is missing.
        foreach (var device in machine.Devices.Where(_ => request.GpuLayers != 0))
        {
            if (device.Unusable is { } reason)
            {
                yield return new Remedy(reason, model, null);
            }
        }
        if (machine.DiskFreeBytes < model.WeightsBytes)
        {
            yield return new Remedy($"The store's disk has {Size(machine.DiskFreeBytes.Value)} free, the model takes {Size(model.WeightsBytes)}.", model, null);
        }
    }

    private static IEnumerable<Remedy> SmallerKv(ModelShape model, Machine machine, FitRequest request, MemoryModel memory, Func<FitRequest, bool> fits, string claim)
    {
        var smaller = request with { KvType = GgmlType.Q8_0, FlashAttention = request.FlashAttention is false ? true : request.FlashAttention };
        var block = GgmlType.Q8_0.BlockLength();
        var possible = model.HasKvCache && model.Architecture != "grok" && request.KvType.BitsPerWeight() > GgmlType.Q8_0.BitsPerWeight()
            && Enumerable.Range(0, model.Layers).All(layer => model.KvHeads[layer] == 0 || (model.KeyLengths[layer] % block == 0 && model.ValueLengths[layer] % block == 0));
        if (possible && fits(smaller))
        {
            var flash = request.FlashAttention == false ? " and flash attention on" : "";
            yield return new Remedy(
                $"{claim} with keys and values stored as Q8_0{flash}: {Size(new MemoryModel(model, machine, smaller).KvCacheBytes)} instead of {Size(memory.KvCacheBytes)}.", model, smaller);
        }
    }

    private static (string Name, ModelShape Model)? SmallerType(ModelShape model, Func<ModelShape, bool> fits)
    {
        foreach (var (name, bits) in Recipes)
        {
            // Something must be gained: a type a few percent smaller is no advice.
            if (bits < model.BitsPerWeight * 0.95 && model.WithBitsPerWeight(bits) is var smaller && fits(smaller))
            {
                return (name, smaller);
            }
        }
        return null;
    }

    /// <summary>The largest multiple of the engine's rounding (or <paramref name="most"/> itself) from <paramref name="least"/> on that fits; null when none does.</summary>
    private static int? LargestContext(ModelShape model, Machine machine, FitRequest request, int least, int most)
    {
        bool Fits(int context) => FitEstimator.Fits(model, machine, request with { ContextLength = context });
        if (most < least)
        {
            return null;
        }
        if (Fits(most))
        {
            return most;
        }
        // Memory grows with the context, so whether it fits changes once.
        int low = (least + ContextPlan.CellMultiple - 1) / ContextPlan.CellMultiple, high = most / ContextPlan.CellMultiple;
        if (low > high || !Fits(low * ContextPlan.CellMultiple))
        {
            return null;
        }
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = Fits(middle * ContextPlan.CellMultiple) ? (middle, high) : (low, middle - 1);
        }
        return low * ContextPlan.CellMultiple;
    }

    private static int? FewerGpuLayers(MemoryModel memory, Footprint footprint)
    {
        for (var layers = footprint.GpuLayers - 1; layers >= 0; layers--)
        {
            if (memory.Evaluate(layers, footprint.CpuExpertLayers).Fits)
            {
                return layers;
            }
        }
        return null;
    }

    private static string Count(int value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Size(long bytes) => bytes >= 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / (double)(1 << 20)):0} MiB");
}
