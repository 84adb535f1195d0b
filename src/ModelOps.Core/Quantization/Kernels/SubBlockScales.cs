using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="ScaleMinimumSearch"/> over many sub-blocks, as many at once as the processor has lanes.</summary>
internal static class SubBlockScales
{
    /// <summary>Panels that are searched in turn: more would not stay in the first cache.</summary>
    private const int MostPanels = 4;

    /// <summary>Scale and minimum of each sub-block of <paramref name="length"/> weights.</summary>
    /// <param name="search">The search.</param>
    /// <param name="x">Whole sub-blocks.</param>
    /// <param name="length">Weights in a sub-block, at most 32.</param>
    /// <param name="weighting">What each counts.</param>
    /// <param name="importance">What each counts where that is given; otherwise empty.</param>
    /// <param name="fits">Room for at least as many sub-blocks.</param>
    public static void Find(ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, SubBlockFits fits)
    {
        var subBlocks = x.Length / length;
        for (var first = 0; first < subBlocks;)
        {
            var lanes = LaneWidth.For(subBlocks - first);
            var panels = lanes == 1 ? 1 : Math.Min((subBlocks - first) / lanes, MostPanels);
            if (lanes == 16)
                Find<Lanes16>(search, x, length, weighting, importance, fits, first, panels);
            else if (lanes == 8)
                Find<Lanes8>(search, x, length, weighting, importance, fits, first, panels);
            else
                TryFind<Lanes1>(search, x, length, weighting, importance, fits, first, 1);
            first += lanes * panels;
        }
    }

    /// <summary>Several panels at once; where that is not exact each by itself, and where that is not exact each sub-block by itself.</summary>
    private static void Find<T>(ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, SubBlockFits fits, int first, int panels)
        where T : unmanaged, ILanes<T>
    {
        if (TryFind<T>(search, x, length, weighting, importance, fits, first, panels))
            return;
        for (var panel = 0; panel < panels && panels > 1; panel++)
            Find<T>(search, x, length, weighting, importance, fits, first + (panel * T.Count), 1);
        for (var one = 0; one < T.Count && panels == 1; one++)
            TryFind<Lanes1>(search, x, length, weighting, importance, fits, first + one, 1);
    }

    [SkipLocalsInit]
    private static bool TryFind<T>(ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, SubBlockFits fits, int first, int panels)
        where T : unmanaged, ILanes<T>
    {
        const int rows = MostPanels * LaneWidth.LongestSubBlock;
        var room = LaneWidth.Align<T>(stackalloc byte[(3 * rows * Unsafe.SizeOf<T>()) + (MostPanels * Unsafe.SizeOf<MinimumFit<T>>()) + LaneWidth.Alignment]);
        var columns = room[..(panels * length)];
        var weights = room.Slice(rows, panels * length);
        var codes = room.Slice(2 * rows, panels * length);
        for (var panel = 0; panel < panels; panel++)
        {
            var from = (first + (panel * T.Count)) * length;
            var to = weights.Slice(panel * length, length);
            LaneWidth.Transpose(x.Slice(from, T.Count * length), columns.Slice(panel * length, length));
            if (weighting == SubBlockWeighting.Given)
                LaneWidth.Transpose(importance.Slice(from, T.Count * length), to);
            else
                Weigh(weighting, columns.Slice(panel * length, length), to);
        }
        var found = MemoryMarshal.Cast<T, MinimumFit<T>>(room[(3 * rows)..])[..panels];
        if (!search.TryRun(new MinimumPanels<T>(columns, weights, codes, found)))
            return false;
        foreach (ref readonly var fit in found)
        {
            fit.Scale.Store(fits.Scales[first..]);
            (T.Broadcast(-0f) - fit.Minimum).Store(fits.Minimums[first..]);
            fit.SumW.Store(fits.Weights[first..]);
            fit.Inverse.Store(fits.Inverses[first..]);
            fit.Origin.Store(fits.Origins[first..]);
            first += T.Count;
        }
        return true;
    }

    private static void Weigh<T>(SubBlockWeighting weighting, ReadOnlySpan<T> x, Span<T> weights)
        where T : struct, ILanes<T>
    {
        switch (weighting)
        {
            case SubBlockWeighting.Magnitude:
                for (var i = 0; i < x.Length; i++)
                    weights[i] = T.Abs(x[i]);
                break;
            case SubBlockWeighting.MagnitudeAndRootMeanSquare:
                var sum = T.Broadcast(0);
                for (var i = 0; i < x.Length; i++)
                    sum += x[i] * x[i];
                var root = T.Sqrt(sum / T.Broadcast(x.Length));
                for (var i = 0; i < x.Length; i++)
                    weights[i] = root + T.Abs(x[i]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(weighting));
        }
    }
}
