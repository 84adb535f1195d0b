using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="GridSearch"/> over many sub-blocks of 32, as many at once as the processor has lanes.</summary>
internal static class GridScales
{
    private const int SubLength = 32;

    /// <summary>The scale of each sub-block.</summary>
    /// <param name="x">Whole sub-blocks.</param>
    /// <param name="importance">What each weight counts; empty for its square.</param>
    /// <param name="scales">One a sub-block.</param>
    public static void Find(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<float> scales)
    {
        for (var first = 0; first < scales.Length;)
        {
            var count = LaneWidth.For(scales.Length - first);
            var panel = x.Slice(first * SubLength, count * SubLength);
            var given = importance.IsEmpty ? default : importance.Slice(first * SubLength, count * SubLength);
            switch (count)
            {
                case 16:
                    Find<Lanes16>(panel, given, scales[first..]);
                    break;
                case 8:
                    Find<Lanes8>(panel, given, scales[first..]);
                    break;
                default:
                    Find<Lanes1>(panel, given, scales[first..]);
                    break;
            }
            first += count;
        }
    }

    [SkipLocalsInit]
    private static void Find<T>(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<float> scales)
        where T : unmanaged, ILanes<T>
    {
        var room = LaneWidth.Align<T>(stackalloc byte[(2 * SubLength * Unsafe.SizeOf<T>()) + LaneWidth.Alignment]);
        var columns = room[..SubLength];
        var weights = room.Slice(SubLength, SubLength);
        LaneWidth.Transpose(x, columns);
        if (importance.IsEmpty)
        {
            for (var i = 0; i < SubLength; i++)
                weights[i] = columns[i] * columns[i];
        }
        else
        {
            LaneWidth.Transpose(importance, weights);
        }
        GridSearch.Run<T>(columns, weights).Store(scales);
    }
}
