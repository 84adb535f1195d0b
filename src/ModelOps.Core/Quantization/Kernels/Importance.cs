using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>What an importance matrix makes each weight count, in ggml's order of sums.</summary>
internal static class Importance
{
    /// <summary>The sum of squares, first to last.</summary>
    public static float SumOfSquares(ReadOnlySpan<float> x)
    {
        var sum = 0f;
        foreach (var value in x)
            sum += value * value;
        return sum;
    }

    /// <summary>The same of several blocks: four at once, each lane in the order of its block.</summary>
    /// <param name="x">The blocks, one after the other.</param>
    /// <param name="length">Weights in a block, a multiple of 4.</param>
    /// <param name="sums">One a block.</param>
    public static void SumsOfSquares(ReadOnlySpan<float> x, int length, Span<float> sums)
    {
        var block = 0;
        for (; block + 4 <= sums.Length; block += 4)
        {
            var vectors = MemoryMarshal.Cast<float, Vector128<float>>(x.Slice(block * length, 4 * length));
            var (count, sum) = (length / 4, Vector128<float>.Zero);
            for (var i = 0; i < count; i++)
            {
                var (first, second, third, fourth) = Square.Transpose(vectors[i], vectors[count + i], vectors[(2 * count) + i], vectors[(3 * count) + i]);
                sum += first * first;
                sum += second * second;
                sum += third * third;
                sum += fourth * fourth;
            }
            sum.CopyTo(sums[block..]);
        }
        for (; block < sums.Length; block++)
            sums[block] = SumOfSquares(x.Slice(block * length, length));
    }

    /// <summary><c>importance · √(mean + x²)</c>, weight by weight; a multiple of 4.</summary>
    public static void Spread(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, float mean, Span<float> weights)
    {
        var means = Vector128.Create(mean);
        var values = MemoryMarshal.Cast<float, Vector128<float>>(x);
        var given = MemoryMarshal.Cast<float, Vector128<float>>(importance);
        var to = MemoryMarshal.Cast<float, Vector128<float>>(weights);
        for (var i = 0; i < values.Length; i++)
            to[i] = given[i] * Vector128.Sqrt(means + (values[i] * values[i]));
    }

    /// <summary>The sum of each sub-block's weights.</summary>
    public static void Sum(ReadOnlySpan<float> weights, int length, Span<float> sums)
    {
        for (var sub = 0; sub < weights.Length / length; sub++)
        {
            var sum = 0f;
            foreach (var weight in weights.Slice(sub * length, length))
                sum += weight;
            sums[sub] = sum;
        }
    }
}
