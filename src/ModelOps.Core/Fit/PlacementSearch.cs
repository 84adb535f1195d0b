namespace ModelOps.Fit;

/// <summary>
/// Finds the placement a request gets: the one it names, else the most layers on GPUs that fit. What is left open is chosen as llama.cpp's own fit
/// chooses (common/fit.cpp): when a mixture does not fit the GPUs whole, experts go to the CPU, from the first layer on, before any whole layer does.
/// </summary>
internal static class PlacementSearch
{
    /// <summary>The first placement that fits, from the fastest to the slowest; when none does, the one that lacks least.</summary>
    public static Footprint Find(MemoryModel memory, FitRequest request) => Find(memory, request, static footprint => footprint.MissingBytes);

    /// <param name="memory">The model on the machine.</param>
    /// <param name="request">What is asked, with or without numbers of layers.</param>
    /// <param name="missing">Bytes that are wanting with a placement; 0 or less when it will do.</param>
    public static Footprint Find(MemoryModel memory, FitRequest request, Func<Footprint, long> missing)
    {
        Footprint? best = null;
        foreach (var footprint in Candidates(memory, request))
        {
            if (missing(footprint) <= 0)
            {
                return footprint;
            }
            best = best is null || missing(footprint) < missing(best) ? footprint : best;
        }
        return best!;
    }

    private static IEnumerable<Footprint> Candidates(MemoryModel memory, FitRequest request)
    {
        var most = request.GpuLayers is null or < 0 ? memory.MaxGpuLayers : Math.Min(request.GpuLayers.Value, memory.MaxGpuLayers);
        var least = request.GpuLayers is null ? 0 : most;
        var experts = memory.MaxCpuExpertLayers;
        var named = request.CpuExpertLayers is { } count ? count < 0 ? experts : Math.Min(count, experts) : (int?)null;
        yield return memory.Evaluate(most, named ?? 0);
        if (named is null && experts > 0 && most > 0)
        {
            if (FewestCpuExpertLayers(memory, most) is { } fewest)
            {
                yield return fewest;
            }
            named = experts;
            yield return memory.Evaluate(most, experts);
        }
        for (var gpuLayers = most - 1; gpuLayers >= least; gpuLayers--)
        {
            yield return memory.Evaluate(gpuLayers, gpuLayers == 0 ? 0 : named ?? 0);
        }
    }

    /// <summary>The fewest layers without experts on the GPUs with which these hold the rest: what they take shrinks with every one. Null when none do.</summary>
    private static Footprint? FewestCpuExpertLayers(MemoryModel memory, int gpuLayers)
    {
        int low = 1, high = memory.MaxCpuExpertLayers;
        Footprint? found = null;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var footprint = memory.Evaluate(gpuLayers, middle);
            if (footprint.MissingGpuBytes <= 0)
            {
                found = footprint;
                high = middle - 1;
            }
            else
            {
                low = middle + 1;
            }
        }
        return found;
    }
}
