namespace ModelOps.Fit;

/// <summary>Finds what would make a model fit, or fit better, by estimating it: nothing is recommended that was not tried.</summary>
internal sealed class Adviser(ModelShape model, Machine machine, FitRequest request, FitSolution solution)
{
    private static readonly GgmlType[] SmallerKvTypes = [GgmlType.Q8_0, GgmlType.Q4_0];
    private static readonly int[] SmallerBatches = [256, 128, 64];

    private readonly MemoryModel _memory = solution.Memory;
    private readonly Footprint _footprint = solution.Footprint;

    public Counsel Advise()
    {
        List<Remedy> remedies = [.. _footprint.Fits ? Better() : Fitting()];
        return new Counsel(remedies, [.. remedies.Count == 0 && !_footprint.Fits ? [Hopeless()] : Array.Empty<string>(), .. Remarks(), .. model.Caveats]);
    }

    /// <summary>Ways to make it fit.</summary>
    private IEnumerable<Remedy> Fitting()
    {
        var goal = new Goal("It fits", request);
        List<Remedy> found = [.. Less(goal)];
        if (found.Count == 0 && SmallerKvAndContext(goal) is { } both)
        {
            found.Add(both);
        }
        return found.Concat(Otherwise(goal)).Concat(MoreMemory(goal));
    }

    /// <summary>Ways to fit better than it does.</summary>
    private IEnumerable<Remedy> Better()
    {
        // What was asked for explicitly is left as it was asked.
        if (request.GpuLayers is null && !IsWhollyOnGpus)
        {
            var goal = WhollyOnGpus(request with { CpuExpertLayers = request.CpuExpertLayers ?? 0 });
            foreach (var remedy in Less(goal).Concat(Otherwise(goal)).Concat(LargerGpu(goal)))
            {
                yield return remedy;
            }
        }
        else if (LargerVariant() is { } larger)
        {
            yield return larger;
        }
        if (LongerContext() is { } longer)
        {
            yield return longer;
        }
    }

    private bool IsWhollyOnGpus => _footprint.GpuLayers == _memory.MaxGpuLayers && (request.CpuExpertLayers is not null || _footprint.CpuExpertLayers == 0);

    private Goal WhollyOnGpus(FitRequest wanted)
        => new($"All {_memory.MaxGpuLayers} layers, {(model.HasExperts && wanted.CpuExpertLayers == 0 ? "their experts and the output" : "the output")} among them, fit on the GPU", wanted with { GpuLayers = -1 });

    /// <summary>The same model asked for with less.</summary>
    private IEnumerable<Remedy> Less(Goal goal)
    {
        if (FitSolver.LargestContext(model, machine, goal.Request, ContextPlan.CellMultiple, _memory.Context.ContextLength - ContextPlan.CellMultiple) is { } context)
        {
            yield return Of(RemedyKind.ShorterContext, $"{goal.Claim} with a context of {Text.Count(context.Memory.Context.ContextLength)} tokens{goal.Superlative}.", context);
        }
        foreach (var type in SmallerKvTypes)
        {
            if (KvTypes.Smaller(model, goal.Request, type) is { } smaller && Try(smaller) is { } found)
            {
                yield return Of(RemedyKind.SmallerKvCache, $"{goal.Claim} with {StoredAs(smaller)}: {Text.Size(found.Memory.KvCacheBytes)} instead of {Text.Size(_memory.KvCacheBytes)}.", found);
                break;
            }
        }
        if (request.CpuExpertLayers is >= 0 && _memory.MaxCpuExpertLayers > 0 && Try(goal.Request with { CpuExpertLayers = null }) is { Footprint.CpuExpertLayers: var experts } onCpu)
        {
            yield return Of(RemedyKind.ExpertsOnCpu, $"{goal.Claim} with the experts of {experts} layers on the CPU.", onCpu);
        }
        if (request.GpuLayers is > 0 or < 0 && !_footprint.Fits && Try(goal.Request with { GpuLayers = null }) is { } fewer)
        {
            yield return Of(RemedyKind.FewerGpuLayers, $"{goal.Claim} with {fewer.Footprint.GpuLayers} layers on the GPU instead of {_footprint.GpuLayers}, the output counted first.", fewer);
        }
        foreach (var batch in SmallerBatches)
        {
            if (batch < _memory.Context.Batch && Try(goal.Request with { BatchSize = batch }) is { } smaller)
            {
                yield return Of(RemedyKind.SmallerBatch, $"{goal.Claim} with a batch of {batch} tokens; prompts are then read more slowly.", smaller);
                break;
            }
        }
    }

    /// <summary>Both at once, when neither alone is enough.</summary>
    private Remedy? SmallerKvAndContext(Goal goal)
    {
        foreach (var type in SmallerKvTypes)
        {
            if (KvTypes.Smaller(model, goal.Request, type) is { } smaller
                && FitSolver.LargestContext(model, machine, smaller, ContextPlan.CellMultiple, _memory.Context.ContextLength - ContextPlan.CellMultiple) is { } found)
            {
                return Of(RemedyKind.ShorterContext, $"{goal.Claim} with {StoredAs(smaller)} and a context of {Text.Count(found.Memory.Context.ContextLength)} tokens.", found);
            }
        }
        return null;
    }

    /// <summary>The model in another form: of each kind the one that keeps most.</summary>
    private IEnumerable<Remedy> Otherwise(Goal goal)
    {
        foreach (var (recipe, shape) in RecipeShapes.Of(model))
        {
            if (IsWorthIt(shape) && FitSolver.Solve(shape, machine, goal.Request) is { Fits: true } found)
            {
                var loss = RecipeShapes.IsOriginal(model) ? "" : "; it is quantised already, so more is lost than from the original";
                yield return Of(RemedyKind.SmallerType, $"{goal.Claim} converted to {recipe}, which takes {Sizes(shape)}{loss}.", found) with { Type = recipe, Model = shape };
                break;
            }
        }
        foreach (var variant in model.Variants.OrderByDescending(variant => variant.Bytes))
        {
            var shape = model.Scaled(variant);
            if (IsWorthIt(shape) && FitSolver.Solve(shape, machine, goal.Request) is { Fits: true } found)
            {
                yield return Of(RemedyKind.OtherVariant, $"{goal.Claim} as {variant.Name} of the same repository, which takes about {Sizes(shape)}.", found) with { Variant = variant.Name, Model = shape };
                break;
            }
        }
    }

    // What is a few percent smaller is no advice.
    private bool IsWorthIt(ModelShape shape) => shape.WeightsBytes < 0.95 * model.WeightsBytes;

    private string Sizes(ModelShape shape) => $"{Text.Size(shape.WeightsBytes)} instead of {Text.Size(model.WeightsBytes)}";

    /// <summary>A variant that keeps more, and fits as this one does.</summary>
    private Remedy? LargerVariant()
    {
        foreach (var variant in model.Variants.OrderByDescending(variant => variant.Bytes))
        {
            var shape = model.Scaled(variant);
            if (shape.WeightsBytes <= 1.05 * model.WeightsBytes)
            {
                break;
            }
            if (FitSolver.Solve(shape, machine, solution.Settled) is { Fits: true } found)
            {
                return Of(RemedyKind.OtherVariant, $"There is room for {variant.Name} of the same repository, which takes about {Sizes(shape)}.", found) with { Variant = variant.Name, Model = shape };
            }
        }
        return null;
    }

    private IEnumerable<Remedy> MoreMemory(Goal goal)
    {
        var (cpu, lacking) = (_footprint.Devices[0], _footprint.MissingBytes);
        var larger = machine with { Devices = [.. machine.Devices.Select(device => device.Kind == DeviceKind.Cpu ? Grown(device, device.FreeBytes + lacking) : device)] };
        if (FitSolver.Solve(model, larger, goal.Request) is { Fits: true } found)
        {
            yield return Of(RemedyKind.LargerMachine, $"{goal.Claim} with {Text.Size(cpu.FreeBytes + lacking)} of free main memory: {Text.Size(lacking)} more than there is.", found) with { MainMemoryBytes = cpu.FreeBytes + lacking, Machine = larger };
        }
        foreach (var remedy in LargerGpu(goal with { Request = goal.Request with { GpuLayers = -1, CpuExpertLayers = goal.Request.CpuExpertLayers ?? 0 } }))
        {
            yield return remedy;
        }
    }

    /// <summary>The smallest GPU of those that are sold that holds everything.</summary>
    private IEnumerable<Remedy> LargerGpu(Goal goal)
    {
        // Nobody who asked for no GPU wants to buy one.
        if (request.GpuLayers == 0)
        {
            yield break;
        }
        foreach (var gibibytes in GpuSizes.Gibibytes)
        {
            var larger = GpuSizes.With(machine, gibibytes);
            if (FitSolver.Solve(model, larger, goal.Request) is { Fits: true } found)
            {
                yield return Of(RemedyKind.LargerMachine, $"A GPU with {gibibytes} GB holds all of it.", found) with { GpuMemoryBytes = (long)gibibytes << 30, Machine = larger };
                yield break;
            }
        }
    }

    private Remedy? LongerContext()
    {
        // Offered with the placement as it is: more context must not cost GPU layers.
        var trained = Math.Min(model.TrainedContextLength, ContextPlan.Longest(model.TrainedContextLength, 1));
        if (request.ContextLength.IsLargest || trained <= _memory.Context.ContextLength
            || FitSolver.LargestContext(model, machine, solution.Settled, _memory.Context.ContextLength + 1, trained) is not { } longer)
        {
            return null;
        }
        var length = longer.Request.ContextLength.Length!.Value;
        return Of(
            RemedyKind.LongerContext,
            length == model.TrainedContextLength ? $"There is room for all {Text.Count(length)} tokens of context that it was trained for." : $"There is room for a context of up to {Text.Count(length)} tokens.",
            longer);
    }

    private IEnumerable<string> Remarks()
    {
        if (Purposes.Remark(model.Purpose) is { } purpose)
        {
            yield return purpose;
        }
        if (model.TrainedContextLength > 0 && request.ContextLength.Length > model.TrainedContextLength)
        {
            yield return $"It was trained for {Text.Count(model.TrainedContextLength)} tokens of context; answers get worse beyond.";
        }
        if (request.ContextLength.Length is > 0 and var asked && asked != _memory.Context.ContextLength)
        {
            yield return $"The engine makes a context of {Text.Count(_memory.Context.ContextLength)} tokens of the {Text.Count(asked)}: it rounds up to whole multiples of {ContextPlan.CellMultiple}{(_memory.Context.Streams > 1 ? ", for each sequence" : "")}.";
        }
        if (request.GpuLayers is not (null or 0) && _memory.MaxGpuLayers == 0)
        {
            yield return "There is no GPU that the engine can use on this machine, so every layer is on the CPU.";
        }
        // Nobody who asked for no GPU wants to know which is missing.
        foreach (var device in machine.Devices.Where(_ => request.GpuLayers != 0))
        {
            if (device.Unusable is { } reason)
            {
                yield return reason;
            }
        }
        if (machine.DiskFreeBytes < model.WeightsBytes)
        {
            yield return $"The store's disk has {Text.Size(machine.DiskFreeBytes.Value)} free, the model takes {Text.Size(model.WeightsBytes)}.";
        }
    }

    private string Hopeless() => $"No smaller context, batch or type makes it fit: {Text.Size(_footprint.MissingBytes)} are wanting as it was asked for.";

    private string StoredAs(FitRequest smaller) => $"keys and values stored as {smaller.KvType}{(request.FlashAttention == false ? " and flash attention on" : "")}";

    private FitSolution? Try(FitRequest candidate) => FitSolver.Solve(model, machine, candidate) is { Fits: true } found ? found : null;

    private Remedy Of(RemedyKind kind, string sentence, FitSolution found) => new()
    {
        Kind = kind,
        Sentence = sentence,
        Request = found.Request,
        Parameters = found.Parameters,
        TotalBytes = found.Footprint.Devices.Sum(device => device.TotalBytes),
        Model = model,
        Machine = machine,
    };

    private static Device Grown(Device device, long freeBytes) => device with { FreeBytes = freeBytes, TotalBytes = Math.Max(device.TotalBytes, freeBytes) };

    /// <summary>What is to be reached, and what to say when it is.</summary>
    private sealed record Goal(string Claim, FitRequest Request)
    {
        public string Superlative => Request.GpuLayers == -1 ? "" : ", the largest that does";
    }
}
