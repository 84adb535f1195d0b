using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="ScaleMinimumSearch"/> over many sub-blocks, as many at once as the processor has lanes.</summary>
internal static class SubBlockScales
{
    /// <summary>Scale and minimum of each sub-block of <paramref name="length"/> weights.</summary>
    /// <param name="search">The search.</param>
    /// <param name="x">Whole sub-blocks.</param>
    /// <param name="length">Weights in a sub-block, at most 32.</param>
    /// <param name="weighting">What each counts.</param>
    /// <param name="importance">What each counts where that is given; otherwise empty.</param>
    /// <param name="scales">One a sub-block.</param>
    /// <param name="minimums">What is subtracted, one a sub-block; at least 0.</param>
    /// <param name="codes">One a weight; 0 in a constant sub-block.</param>
    public static void Find(
        ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, Span<float> scales, Span<float> minimums, Span<byte> codes)
    {
        for (var first = 0; first < scales.Length;)
        {
            var count = LaneWidth.For(scales.Length - first);
            var panel = x.Slice(first * length, count * length);
            var given = importance.IsEmpty ? default : importance.Slice(first * length, count * length);
            var scale = scales.Slice(first, count);
            var minimum = minimums.Slice(first, count);
            var code = codes.Slice(first * length, count * length);
            var found = count switch
            {
                16 => TryFind<Lanes16>(search, panel, length, weighting, given, scale, minimum, code),
                8 => TryFind<Lanes8>(search, panel, length, weighting, given, scale, minimum, code),
                _ => TryFind<Lanes1>(search, panel, length, weighting, given, scale, minimum, code),
            };
            for (var one = 0; !found && one < count; one++)
                TryFind<Lanes1>(search, panel.Slice(one * length, length), length, weighting, given.IsEmpty ? default : given.Slice(one * length, length), scale[one..], minimum[one..], code[(one * length)..]);
            first += count;
        }
    }

    [SkipLocalsInit]
    private static bool TryFind<T>(
        ScaleMinimumSearch search, ReadOnlySpan<float> x, int length, SubBlockWeighting weighting, ReadOnlySpan<float> importance, Span<float> scales, Span<float> minimums, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        Span<T> columns = stackalloc T[LaneWidth.LongestSubBlock];
        Span<T> weights = stackalloc T[LaneWidth.LongestSubBlock];
        Span<T> given = stackalloc T[LaneWidth.LongestSubBlock];
        Span<T> found = stackalloc T[LaneWidth.LongestSubBlock];
        columns = columns[..length];
        weights = weights[..length];
        LaneWidth.Transpose(x, columns);
        if (!importance.IsEmpty)
            LaneWidth.Transpose(importance, given[..length]);
        Weigh(weighting, columns, given, weights);
        if (!search.TryRun<T>(columns, weights, found, out var scale, out var minimum))
            return false;
        scale.Store(scales);
        (T.Broadcast(-0f) - minimum).Store(minimums);
        LaneWidth.StoreCodes(found[..length], codes);
        return true;
    }

    private static void Weigh<T>(SubBlockWeighting weighting, ReadOnlySpan<T> x, ReadOnlySpan<T> given, Span<T> weights)
        where T : struct, ILanes<T>
    {
        switch (weighting)
        {
            case SubBlockWeighting.Given:
                given[..x.Length].CopyTo(weights);
                break;
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
