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
