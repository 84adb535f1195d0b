namespace ModelOps.Fit;

/// <summary>
/// Finds the placement a request gets: the one it names, else the most layers on GPUs that fit. What is left open is chosen as llama.cpp's own fit
/// chooses (common/fit.cpp): when a mixture does not fit the GPUs whole, experts go to the CPU, from the first layer on, before any whole layer does.
/// </summary>
/// <remarks>
/// What GPUs take grows with the layers on them and shrinks with the experts off them, so that halving finds the place. Where that is not so, nearby
/// placements are looked at one by one: layers are dealt out among several GPUs anew for every number of them.
/// </remarks>
internal sealed class PlacementSearch
{
    private readonly MemoryModel _memory;
    private readonly Func<Footprint, long> _missing;
    private readonly int? _cpuExpertLayers;

    private PlacementSearch(MemoryModel memory, FitRequest request, Func<Footprint, long> missing)
    {
        _memory = memory;
        _missing = missing;
        _cpuExpertLayers = memory.MaxCpuExpertLayers == 0 ? 0 : request.CpuExpertLayers is < 0 ? memory.MaxCpuExpertLayers : request.CpuExpertLayers;
    }

    /// <summary>The first placement that fits, from the fastest to the slowest; when none does, one that fills the GPUs.</summary>
    public static Footprint Find(MemoryModel memory, FitRequest request) => Find(memory, request, static footprint => footprint.MissingBytes);

    /// <param name="memory">The model on the machine.</param>
    /// <param name="request">What is asked, with or without numbers of layers.</param>
    /// <param name="missing">Bytes that are wanting with a placement; 0 or less when it will do.</param>
    public static Footprint Find(MemoryModel memory, FitRequest request, Func<Footprint, long> missing)
    {
        var search = new PlacementSearch(memory, request, missing);
        return request.GpuLayers is >= 0 and var layers && layers < memory.MaxGpuLayers ? search.With(layers)
            : request.GpuLayers is null ? search.Find()
            : search.With(memory.MaxGpuLayers);
    }

    private bool WillDo(Footprint footprint) => _missing(footprint) <= 0;

    private Footprint Find()
    {
        // All on GPUs is no case like the others: nothing need be copied over for prompts then.
        var all = _memory.Evaluate(_memory.MaxGpuLayers, _cpuExpertLayers ?? 0);
        if (WillDo(all) || _memory.MaxGpuLayers == 0)
        {
            return all;
        }
        var fullest = With(MostGpuLayers());
        if (_missing(fullest) is var missing && (missing <= 0 || missing > fullest.GpuRoomBytes))
        {
            return fullest;
        }
        // The main memory is short, and not by much: GPUs that take of the same memory, or are filled better by other layers, may yield it.
        for (var gpuLayers = fullest.GpuLayers - 1; gpuLayers >= 0; gpuLayers--)
        {
            if (With(gpuLayers) is var found && WillDo(found))
            {
                return found;
            }
        }
        return fullest;
    }

    /// <summary>The most layers that every GPU has room for, with as many experts on the CPU as may be.</summary>
    private int MostGpuLayers()
    {
        Footprint Lightest(int gpuLayers) => _memory.Evaluate(gpuLayers, _cpuExpertLayers ?? _memory.MaxCpuExpertLayers);
        var most = Last(0, _memory.MaxGpuLayers, gpuLayers => Lightest(gpuLayers).GpusHaveRoom);
        if (_memory.GpuCount == 1)
        {
            return most;
        }
        // More may fit when they are dealt out otherwise, though never more than all GPUs together have room for.
        for (var gpuLayers = Last(most, _memory.MaxGpuLayers, gpuLayers => Lightest(gpuLayers).GpuRoomBytes >= 0); gpuLayers > most; gpuLayers--)
        {
            if (Lightest(gpuLayers).GpusHaveRoom)
            {
                return gpuLayers;
            }
        }
        return most;
    }

    /// <summary>So many layers on GPUs, with the fewest experts on the CPU that make room for them; with all of them there when none do.</summary>
    private Footprint With(int gpuLayers)
    {
        if (_cpuExpertLayers is { } named)
        {
            return _memory.Evaluate(gpuLayers, named);
        }
        if (_memory.Evaluate(gpuLayers, 0) is { GpusHaveRoom: true } whole)
        {
            return whole;
        }
        var without = Last(0, _memory.MaxCpuExpertLayers, off => !_memory.Evaluate(gpuLayers, off).GpusHaveRoom);
        return _memory.Evaluate(gpuLayers, Math.Min(without + 1, _memory.MaxCpuExpertLayers));
    }

    /// <summary>The last number up to <paramref name="high"/> that holds, when all before do, as <paramref name="low"/> does.</summary>
    private static int Last(int low, int high, Func<int, bool> holds)
    {
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = holds(middle) ? (middle, high) : (low, middle - 1);
        }
        return low;
    }
}
