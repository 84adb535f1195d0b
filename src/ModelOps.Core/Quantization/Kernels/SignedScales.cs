using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="ScaleSearch"/> over many sub-blocks, as many at once as the processor has lanes.</summary>
internal static class SignedScales
{
    /// <summary>Scale and codes of each sub-block of <paramref name="length"/> weights.</summary>
    /// <param name="search">The search.</param>
    /// <param name="x">Whole sub-blocks.</param>
    /// <param name="length">Weights in a sub-block, at most 32.</param>
    /// <param name="importance">What each counts; empty for its square.</param>
    /// <param name="scales">One a sub-block.</param>
    /// <param name="codes">One a weight, plus half; 0 in a sub-block of zeros.</param>
    public static void Find(ScaleSearch search, ReadOnlySpan<float> x, int length, ReadOnlySpan<float> importance, Span<float> scales, Span<byte> codes)
    {
        for (var first = 0; first < scales.Length;)
        {
            var count = LaneWidth.For(scales.Length - first);
            var panel = x.Slice(first * length, count * length);
            var given = importance.IsEmpty ? default : importance.Slice(first * length, count * length);
            var scale = scales.Slice(first, count);
            var code = codes.Slice(first * length, count * length);
            var found = count switch
            {
                16 => TryFind<Lanes16>(search, panel, length, given, scale, code),
                8 => TryFind<Lanes8>(search, panel, length, given, scale, code),
                _ => TryFind<Lanes1>(search, panel, length, given, scale, code),
            };
            for (var one = 0; !found && one < count; one++)
                TryFind<Lanes1>(search, panel.Slice(one * length, length), length, given.IsEmpty ? default : given.Slice(one * length, length), scale[one..], code[(one * length)..]);
            first += count;
        }
    }

    [SkipLocalsInit]
    private static bool TryFind<T>(ScaleSearch search, ReadOnlySpan<float> x, int length, ReadOnlySpan<float> importance, Span<float> scales, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var room = LaneWidth.Align<T>(stackalloc byte[(4 * LaneWidth.LongestSubBlock * Unsafe.SizeOf<T>()) + LaneWidth.Alignment]);
        var columns = room[..length];
        var weights = room.Slice(length, length);
        var products = room.Slice(2 * length, length);
        var found = room.Slice(3 * length, length);
        LaneWidth.Transpose(x, columns);
        if (!importance.IsEmpty)
            LaneWidth.Transpose(importance, weights);
        for (var i = 0; i < length; i++)
        {
            if (importance.IsEmpty)
                weights[i] = columns[i] * columns[i];
            products[i] = weights[i] * columns[i];
        }
        if (!search.TryRun<T>(columns, weights, products, found, out var scale))
            return false;
        scale.Store(scales);
        LaneWidth.StoreCodes(found[..length], codes);
        return true;
    }
}
