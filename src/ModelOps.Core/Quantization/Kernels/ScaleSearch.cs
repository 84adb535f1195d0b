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
    /// <param name="importance">What each counts.</param>
    /// <param name="products">The two multiplied.</param>
    /// <param name="codes">The codes plus Half; 0 where the sub-block is all zero.</param>
    /// <param name="scale">The scale, 0 for a sub-block of zeros.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRun<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> importance, ReadOnlySpan<T> products, Span<T> codes, out T scale)
        where T : struct, ILanes<T>
    {
        var zero = T.Broadcast(0);
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var (magnitude, extreme) = Extremes.Find(x);
        var isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        extreme = T.Select(isEmpty, T.Broadcast(1), extreme);

        var inverse = least / extreme;
        var (sumLX, sumL2) = Sums(x, importance, products, inverse, least, most);
        if (!T.IsExactEverywhere && !T.All(T.And(T.Greater(T.Broadcast(float.MaxValue), T.Abs(sumLX)), T.Greater(T.Broadcast(float.MaxValue), magnitude))))
        {
            scale = zero;
            return false;
        }
        var found = T.Select(T.Equal(sumL2, zero), zero, sumLX / sumL2);
        var best = found * sumLX;
        for (var step = -Tries; step <= Tries; step++)
        {
            if (step == 0)
                continue;
            var trial = T.Broadcast(-(Half + (0.1f * step))) / extreme;
            (sumLX, sumL2) = Sums(x, importance, products, trial, least, most);
            // Without a sum of squares nothing is better.
            var isBetter = T.Greater(T.Select(T.Greater(sumL2, zero), sumLX * sumLX, T.Broadcast(float.NegativeInfinity)), best * sumL2);
            inverse = T.Select(isBetter, trial, inverse);
            found = T.Select(isBetter, sumLX / sumL2, found);
            best = T.Select(isBetter, found * sumLX, best);
        }
        scale = T.Select(isEmpty, zero, found);
        for (var i = 0; i < x.Length; i++)
            codes[i] = T.Select(isEmpty, zero, Code(inverse * x[i], least, most) - least);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T SumLX, T SumL2) Sums<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> importance, ReadOnlySpan<T> products, T inverse, T least, T most)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var w0 = ref MemoryMarshal.GetReference(importance);
        ref var p0 = ref MemoryMarshal.GetReference(products);
        var (sumLX, sumL2) = (T.Broadcast(0), T.Broadcast(0));
        for (nint i = 0; i < x.Length; i++)
        {
            var code = Code(inverse * Unsafe.Add(ref x0, i), least, most);
            sumLX += Unsafe.Add(ref p0, i) * code;
            sumL2 += Unsafe.Add(ref w0, i) * code * code;
        }
        return (sumLX, sumL2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Code<T>(T scaled, T least, T most)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.Nearest(scaled), most), least);
}
