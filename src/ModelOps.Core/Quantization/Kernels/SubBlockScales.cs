using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="ScaleMinimumSearch"/> over many sub-blocks, as many at once as the processor has lanes, two rows of lanes where they fill.</summary>
internal static class SubBlockScales
{
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
            var count = lanes > 1 && subBlocks - first >= 2 * lanes ? 2 * lanes : lanes;
            var found = (lanes, count) switch
            {
                (16, 32) => TryFind<Twin<Lanes16>>(search, x, length, weighting, importance, fits, first),
                (16, 16) => TryFind<Lanes16>(search, x, length, weighting, importance, fits, first),
                (8, 16) => TryFind<Twin<Lanes8>>(search, x, length, weighting, importance, fits, first),
                (8, 8) => TryFind<Lanes8>(search, x, length, weighting, importance, fits, first),
                _ => TryFind<Lanes1>(search, x, length, weighting, importance, fits, first),
            };
            for (var one = first; !found && one < first + count; one++)
                TryFind<Lanes1>(search, x, length, weighting, importance, fits, one);
            first += count;
        }
    }

    [SkipLocalsInit]
    private static bool TryFind<T>(ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, SubBlockFits fits, int first)
        where T : unmanaged, ILanes<T>
    {
        var room = LaneWidth.Align<T>(stackalloc byte[(3 * LaneWidth.LongestSubBlock * Unsafe.SizeOf<T>()) + Unsafe.SizeOf<MinimumFit<T>>() + LaneWidth.Alignment]);
        var columns = room[..length];
        var weights = room.Slice(LaneWidth.LongestSubBlock, length);
        var codes = room.Slice(2 * LaneWidth.LongestSubBlock, length);
        LaneWidth.Transpose(x.Slice(first * length, T.Count * length), columns);
        if (weighting == SubBlockWeighting.Given)
            LaneWidth.Transpose(importance.Slice(first * length, T.Count * length), weights);
        else
            Weigh(weighting, columns, weights);
        ref var fit = ref Unsafe.As<T, MinimumFit<T>>(ref room[3 * LaneWidth.LongestSubBlock]);
        if (!search.TryRun<T>(new MinimumPanel<T>(columns, weights, codes, ref fit), ref fit))
            return false;
        fit.Scale.Store(fits.Scales[first..]);
        (T.Broadcast(-0f) - fit.Minimum).Store(fits.Minimums[first..]);
        fit.SumW.Store(fits.Weights[first..]);
        fit.Inverse.Store(fits.Inverses[first..]);
        fit.Origin.Store(fits.Origins[first..]);
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
