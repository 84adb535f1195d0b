using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// The search of ggml's <c>quantize_row_iq4_nl_impl</c> on several sub-blocks at once, one a lane: the scale at which the uneven grid of
/// <see cref="NonlinearGrid"/> reproduces a sub-block best, among 16.
/// </summary>
internal static class GridSearch
{
    private const int Tries = 7;

    /// <summary>The scales; 0 for sub-blocks of zeros.</summary>
    /// <param name="x">The weights, element by element of all lanes.</param>
    /// <param name="importance">What each counts.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static T Run<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> importance)
        where T : struct, ILanes<T>
    {
        var zero = T.Broadcast(0);
        var (magnitude, extreme) = Extremes.Find(x);
        var isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        extreme = T.Select(isEmpty, T.Broadcast(1), extreme);
        var borders = NonlinearGrid.Borders;
        var values = NonlinearGrid.Nearest;

        var (sumQX, sumQ2) = Sums(x, importance, T.Broadcast(1) / ((zero - extreme) / T.Broadcast(NonlinearGrid.Least)), borders, values);
        var scale = T.Select(T.Greater(sumQ2, zero), sumQX / sumQ2, zero);
        var best = scale * sumQX;
        for (var step = -Tries; step <= Tries; step++)
        {
            (sumQX, sumQ2) = Sums(x, importance, T.Broadcast(step + NonlinearGrid.Least) / extreme, borders, values);
            // Without a sum of squares nothing is better.
            var isBetter = T.Greater(T.Select(T.Greater(sumQ2, zero), sumQX * sumQX, T.Broadcast(float.NegativeInfinity)), best * sumQ2);
            scale = T.Select(isBetter, sumQX / sumQ2, scale);
            best = T.Select(isBetter, scale * sumQX, best);
        }
        return T.Select(isEmpty, zero, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T SumQX, T SumQ2) Sums<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> importance, T inverse, ReadOnlySpan<float> borders, ReadOnlySpan<float> values)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var w0 = ref MemoryMarshal.GetReference(importance);
        var (sumQX, sumQ2) = (T.Broadcast(0), T.Broadcast(0));
        for (nint i = 0; i < x.Length; i++)
        {
            var value = Unsafe.Add(ref x0, i);
            var nearest = NonlinearGrid.Find(inverse * value, borders, values);
            var weighted = Unsafe.Add(ref w0, i) * nearest;
            sumQX += weighted * value;
            sumQ2 += weighted * nearest;
        }
        return (sumQX, sumQ2);
    }
}
