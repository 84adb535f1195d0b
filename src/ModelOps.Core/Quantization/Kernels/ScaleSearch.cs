using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// ggml's <c>make_qx_quants</c> (rmse_type 1) on several sub-blocks at once, one a lane: starts from the scale that maps the extreme value
/// to −<paramref name="Half"/>, tries 18 around it, and takes the one with the least weighted error.
/// </summary>
/// <param name="Half">Codes are −Half … Half − 1, stored plus Half.</param>
internal readonly record struct ScaleSearch(int Half)
{
    private const int Tries = 9;

    /// <summary>Searches; false when a lane's numbers leave what <see cref="ILanes{T}.Nearest"/> covers, and then the result means nothing.</summary>
    /// <param name="x">The weights, element by element of all lanes.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="codes">The codes plus Half; 0 where the sub-block is all zero.</param>
    /// <param name="scale">The scale, 0 for a sub-block of zeros.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRun<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, Span<T> codes, out T scale)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var w0 = ref MemoryMarshal.GetReference(weights);
        var zero = T.Broadcast(0);
        var (magnitude, extreme) = Extremes.Find(x);
        var isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        extreme = T.Select(isEmpty, T.Broadcast(1), extreme);

        var inverse = T.Broadcast(-Half) / extreme;
        var (sumLX, sumL2) = Sums(ref x0, ref w0, x.Length, inverse);
        if (!T.IsExactEverywhere && !T.All(T.And(T.Greater(T.Broadcast(float.MaxValue), T.Abs(sumLX)), T.Greater(T.Broadcast(float.MaxValue), magnitude))))
        {
            scale = zero;
            return false;
        }
        scale = T.Select(T.Equal(sumL2, zero), zero, sumLX / sumL2);
        var best = scale * sumLX;
        for (var step = -Tries; step <= Tries; step++)
        {
            if (step == 0)
                continue;
            var trial = T.Broadcast(-(Half + (0.1f * step))) / extreme;
            (sumLX, sumL2) = Sums(ref x0, ref w0, x.Length, trial);
            var isBetter = T.And(T.Greater(sumL2, zero), T.Greater(sumLX * sumLX, best * sumL2));
            inverse = T.Select(isBetter, trial, inverse);
            scale = T.Select(isBetter, sumLX / sumL2, scale);
            best = T.Select(isBetter, scale * sumLX, best);
        }
        scale = T.Select(isEmpty, zero, scale);
        var half = T.Broadcast(Half);
        for (var i = 0; i < x.Length; i++)
            codes[i] = T.Select(isEmpty, zero, Code(inverse, Unsafe.Add(ref x0, i)) + half);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (T SumLX, T SumL2) Sums<T>(ref T x0, ref T w0, int length, T inverse)
        where T : struct, ILanes<T>
    {
        var (sumLX, sumL2) = (T.Broadcast(0), T.Broadcast(0));
        for (var i = 0; i < length; i++)
        {
            var (value, weight) = (Unsafe.Add(ref x0, i), Unsafe.Add(ref w0, i));
            var code = Code(inverse, value);
            sumLX += weight * value * code;
            sumL2 += weight * code * code;
        }
        return (sumLX, sumL2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Code<T>(T inverse, T value)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.Nearest(inverse * value), T.Broadcast(Half - 1)), T.Broadcast(-Half));
}
