namespace ModelOps.Fit;

/// <summary>What a request comes to on a machine.</summary>
/// <param name="Request">The request with the context and the type of keys and values that were chosen for it.</param>
/// <param name="Memory">Memory with these.</param>
/// <param name="Footprint">The placement.</param>
internal sealed record FitSolution(FitRequest Request, MemoryModel Memory, Footprint Footprint)
{
    public bool Fits => Footprint.Fits;

    /// <summary>The same request with nothing left to choose.</summary>
    public FitRequest Settled => Request with { GpuLayers = Footprint.GpuLayers, CpuExpertLayers = Footprint.CpuExpertLayers };

    /// <summary>What the engine is to be told.</summary>
    public EngineParameters Parameters => FitEstimator.Realise(Request, Memory.Context, Footprint);
}

/// <summary>Chooses what a request leaves open: the context, the type of keys and values, the placement.</summary>
internal static class FitSolver
{
    public static FitSolution Solve(ModelShape model, Machine machine, FitRequest request)
    {
        if (request.KvType is not null)
        {
            return SolveContext(model, machine, request);
        }
        var usual = SolveContext(model, machine, request with { KvType = GgmlType.F16 });
        return !usual.Fits && KvTypes.Smaller(model, request with { KvType = GgmlType.F16 }, GgmlType.Q8_0) is { } smaller && SolveContext(model, machine, smaller) is { Fits: true } found
            ? found
            : usual;
    }

    /// <summary>
    /// The largest context from <paramref name="least"/> to <paramref name="most"/> that fits, in whole multiples of the engine's rounding unless it is <paramref name="most"/>
    /// itself; null when none does. Memory grows with the context, so whether it fits changes once.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="request">The request; its context does not matter.</param>
    /// <param name="least">Shortest context in tokens.</param>
    /// <param name="most">Longest context in tokens.</param>
    public static FitSolution? LargestContext(ModelShape model, Machine machine, FitRequest request, int least, int most)
    {
        if (most < least)
        {
            return null;
        }
        if (Try(most) is { } whole)
        {
            return whole;
        }
        int low = (least + ContextPlan.CellMultiple - 1) / ContextPlan.CellMultiple, high = (most - 1) / ContextPlan.CellMultiple;
        if (low > high || Try(low * ContextPlan.CellMultiple) is not { } best)
        {
            return null;
        }
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high, best) = Try(middle * ContextPlan.CellMultiple) is { } found ? (middle, high, found) : (low, middle - 1, best);
        }
        return best;

        FitSolution? Try(int context) => Solve(model, machine, request with { ContextLength = context }) is { Fits: true } solution ? solution : null;
    }

    private static FitSolution SolveContext(ModelShape model, Machine machine, FitRequest request)
    {
        if (!request.ContextLength.IsLargest)
        {
            var memory = new MemoryModel(model, machine, request);
            return new FitSolution(request, memory, PlacementSearch.Find(memory, request));
        }
        var usual = SolveContext(model, machine, request with { ContextLength = 0 });
        // Sequences with caches of their own have a context each.
        var trained = (long)model.TrainedContextLength * (request.UnifiedCache ? 1 : request.Sequences);
        var longest = ContextPlan.Longest(model.TrainedContextLength, request.UnifiedCache ? 1 : request.Sequences);
        var most = trained > 0 ? (int)Math.Min(trained, longest) : longest;
        if (usual.Fits)
        {
            // The placement stays: a longer context must not cost layers on GPUs.
            return LargestContext(model, machine, usual.Settled, usual.Memory.Context.ContextLength + 1, most) ?? usual;
        }
        var shortest = SolveContext(model, machine, request with { ContextLength = ContextPlan.CellMultiple });
        return shortest.Fits ? LargestContext(model, machine, shortest.Settled, ContextPlan.CellMultiple + 1, usual.Memory.Context.ContextLength - 1) ?? shortest : usual;
    }
}
