using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_S's search for the split that reproduces a sub-block best, of all there are: by sums of the sorted weights up to each place
/// (quantize_row_iq1_s_impl). Several ends at once, one a lane.
/// </summary>
internal static class PrefixSplitSearch
{
    private const int Lanes = 8;
    private const int MostWeights = 32;

    /// <summary>The best split; none where nothing counts.</summary>
    /// <param name="x">The weights.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="order">Their places in ascending order.</param>
    [SkipLocalsInit]
    public static TernarySplit? Find(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> order)
    {
        Span<float> sumX = stackalloc float[MostWeights + 1 + Lanes];
        Span<float> sumW = stackalloc float[MostWeights + 1 + Lanes];
        // Beyond the last place nothing is better.
        sumX.Fill(float.NaN);
        sumW.Fill(float.NaN);
        sumX[0] = sumW[0] = 0;
        for (var i = 0; i < order.Length; i++)
        {
            sumX[i + 1] = sumX[i] + (weights[order[i]] * x[order[i]]);
            sumW[i + 1] = sumW[i] + weights[order[i]];
        }
        var (up, down) = (TernaryPoints.Levels(isDown: false), TernaryPoints.Levels(isDown: true));
        var best = -float.MaxValue;
        TernarySplit? split = null;
        for (var begin = 0; begin <= order.Length; begin++)
        {
            for (var first = begin; first <= order.Length; first += Lanes)
            {
                var (qxUp, q2Up) = Sums(sumX, sumW, begin, first, order.Length, up);
                var (qxDown, q2Down) = Sums(sumX, sumW, begin, first, order.Length, down);
                var better = IsBetter(qxUp, q2Up, best) | IsBetter(qxDown, q2Down, best);
                if (better == Vector256<float>.Zero)
                    continue;
                for (var lane = 0; lane < Lanes; lane++)
                {
                    Take(qxUp[lane], q2Up[lane], begin, first + lane, 0, ref best, ref split);
                    Take(qxDown[lane], q2Down[lane], begin, first + lane, 1, ref best, ref split);
                }
            }
        }
        return split;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> SumQX, Vector256<float> SumQ2) Sums(ReadOnlySpan<float> sumX, ReadOnlySpan<float> sumW, int begin, int first, int last, Vector256<float> levels)
    {
        var (low, middle, high) = (levels[0], levels[1], levels[2]);
        var endX = Vector256.Create(sumX[first..]);
        var endW = Vector256.Create(sumW[first..]);
        var sumQX = Vector256.Create((sumX[begin] - sumX[0]) * low) + ((endX - Vector256.Create(sumX[begin])) * middle) + ((Vector256.Create(sumX[last]) - endX) * high);
        var sumQ2 = Vector256.Create((sumW[begin] - sumW[0]) * low * low) + ((endW - Vector256.Create(sumW[begin])) * middle * middle) + ((Vector256.Create(sumW[last]) - endW) * high * high);
        return (sumQX, sumQ2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> IsBetter(Vector256<float> sumQX, Vector256<float> sumQ2, float best)
        => (Vector256.GreaterThan(sumQ2, Vector256<float>.Zero).AsInt32() & Vector256.GreaterThan(sumQX * sumQX, sumQ2 * best).AsInt32()).AsSingle();

    private static void Take(float sumQX, float sumQ2, int begin, int end, int shifts, ref float best, ref TernarySplit? split)
    {
        if (!(sumQ2 > 0 && sumQX * sumQX > best * sumQ2))
            return;
        split = new TernarySplit(begin, end, sumQX / sumQ2, shifts);
        best = split.Value.Scale * sumQX;
    }
}
