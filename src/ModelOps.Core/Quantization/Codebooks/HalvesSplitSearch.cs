using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_M's search for the split that reproduces a sub-block best, of all there are and with each half moved up or down
/// (quantize_row_iq1_m_impl). The sums of the four ways are side by side in a vector: what is multiplied with the weights in the lower half,
/// squares in the upper. Sums of the same first weights are taken over from split to split, which keeps ggml's order.
/// </summary>
internal static class HalvesSplitSearch
{
    private const int Ways = 4;
    private const int MostWeights = 16;

    /// <summary>The best split; none where nothing counts.</summary>
    /// <param name="x">The weights.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="order">Their places in ascending order.</param>
    [SkipLocalsInit]
    public static TernarySplit? Find(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> order)
    {
        Span<Vector256<float>> low = stackalloc Vector256<float>[MostWeights];
        Span<Vector256<float>> middle = stackalloc Vector256<float>[MostWeights];
        Span<Vector256<float>> high = stackalloc Vector256<float>[MostWeights];
        for (var i = 0; i < order.Length; i++)
        {
            var at = order[i];
            var isFirstHalf = at < order.Length / 2;
            low[i] = Terms(x[at], weights[at], 0, isFirstHalf);
            middle[i] = Terms(x[at], weights[at], 1, isFirstHalf);
            high[i] = Terms(x[at], weights[at], 2, isFirstHalf);
        }
        var best = -float.MaxValue;
        TernarySplit? split = null;
        var beginSum = Vector256<float>.Zero;
        for (var begin = 0; begin <= order.Length; begin++)
        {
            var endSum = beginSum;
            for (var end = begin; end <= order.Length; end++)
            {
                var sum = endSum;
                for (var i = end; i < order.Length; i++)
                    sum += high[i];
                Take(sum, begin, end, ref best, ref split);
                if (end < order.Length)
                    endSum += middle[end];
            }
            if (begin < order.Length)
                beginSum += low[begin];
        }
        return split;
    }

    private static Vector256<float> Terms(float x, float weight, int code, bool isFirstHalf)
    {
        var (up, down) = (TernaryPoints.Levels(isDown: false)[code], TernaryPoints.Levels(isDown: true)[code]);
        // The ways: up and up, up and down, down and up, down and down.
        var levels = isFirstHalf ? Vector128.Create(up, up, down, down) : Vector128.Create(up, down, up, down);
        var weighted = levels * weight;
        return Vector256.Create(weighted * x, weighted * levels);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(Vector256<float> sum, int begin, int end, ref float best, ref TernarySplit? split)
    {
        var (sumQX, sumQ2) = (sum.GetLower(), sum.GetUpper());
        var better = Vector128.GreaterThan(sumQ2, Vector128<float>.Zero).AsInt32() & Vector128.GreaterThan(sumQX * sumQX, sumQ2 * best).AsInt32();
        if (better == Vector128<int>.Zero)
            return;
        for (var way = 0; way < Ways; way++)
        {
            if (!(sumQ2[way] > 0 && sumQX[way] * sumQX[way] > best * sumQ2[way]))
                continue;
            split = new TernarySplit(begin, end, sumQX[way] / sumQ2[way], way);
            best = split.Value.Scale * sumQX[way];
        }
    }
}
