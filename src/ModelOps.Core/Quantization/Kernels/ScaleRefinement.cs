using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// ggml's <c>make_q3_quants</c> on several sub-blocks at once, one a lane: codes by the extreme value, then up to five passes that give a
/// weight another code where that lessens the error, each weight seeing what the one before has changed.
/// </summary>
/// <param name="Half">Codes are −Half … Half − 1, stored plus Half.</param>
internal readonly record struct ScaleRefinement(int Half)
{
    private const int Passes = 5;

    /// <summary>Searches; false when a lane's numbers leave what <see cref="ILanes{T}.Nearest"/> covers, and then the result means nothing.</summary>
    /// <param name="x">The weights, element by element of all lanes; panels one after the other.</param>
    /// <param name="panels">Panels, each of <c>x.Length / panels</c> elements. Their sums wait for themselves only, so several keep the processor busy.</param>
    /// <param name="codes">The codes plus Half; 0 where the sub-block is all zero.</param>
    /// <param name="scales">The scales, 0 for sub-blocks of zeros; one a panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRun<T>(ReadOnlySpan<T> x, int panels, Span<T> codes, Span<T> scales)
        where T : unmanaged, ILanes<T>
    {
        var length = x.Length / panels;
        Span<T> sumsLX = stackalloc T[panels];
        Span<T> sumsL2 = stackalloc T[panels];
        Span<T> isEmpty = stackalloc T[panels];
        for (var panel = 0; panel < panels; panel++)
        {
            if (!TryStart(x.Slice(panel * length, length), codes.Slice(panel * length, length), out sumsLX[panel], out sumsL2[panel], out isEmpty[panel]))
                return false;
        }
        for (var pass = 0; pass < Passes; pass++)
        {
            if (!TryPass(x, length, codes, sumsLX, sumsL2, out var changed))
                return false;
            if (!changed)
                break;
        }
        var (zero, half) = (T.Broadcast(0), T.Broadcast(Half));
        for (var panel = 0; panel < panels; panel++)
        {
            scales[panel] = T.Select(isEmpty[panel], zero, T.Select(T.Greater(sumsL2[panel], zero), sumsLX[panel] / sumsL2[panel], zero));
            foreach (ref var code in codes.Slice(panel * length, length))
                code = T.Select(isEmpty[panel], zero, code + half);
        }
        return true;
    }

    private bool TryStart<T>(ReadOnlySpan<T> x, Span<T> codes, out T sumLX, out T sumL2, out T isEmpty)
        where T : struct, ILanes<T>
    {
        var zero = T.Broadcast(0);
        var (magnitude, extreme) = Extremes.Find(x);
        isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        var inverse = T.Broadcast(-Half) / T.Select(isEmpty, T.Broadcast(1), extreme);
        (sumLX, sumL2) = (zero, zero);
        for (var i = 0; i < x.Length; i++)
        {
            var code = Cut(T.Nearest(inverse * x[i]));
            codes[i] = code;
            var weight = x[i] * x[i];
            sumLX += weight * x[i] * code;
            sumL2 += weight * code * code;
        }
        return T.IsExactEverywhere || T.All(T.And(T.Greater(T.Broadcast(float.MaxValue), T.Abs(sumLX)), T.Greater(T.Broadcast(float.MaxValue), magnitude)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryPass<T>(ReadOnlySpan<T> x, int length, Span<T> codes, Span<T> sumsLX, Span<T> sumsL2, out bool changed)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var l0 = ref MemoryMarshal.GetReference(codes);
        var (zero, one) = (T.Broadcast(0), T.Broadcast(1));
        var (changes, strays) = (zero, zero);
        for (var i = 0; i < length; i++)
        {
            for (var panel = 0; panel < sumsLX.Length; panel++)
            {
                ref var code = ref Unsafe.Add(ref l0, (panel * length) + i);
                var value = Unsafe.Add(ref x0, (panel * length) + i);
                var weight = value * value;
                var (sumLX, sumL2) = (sumsLX[panel], sumsL2[panel]);
                var restLX = sumLX - (weight * value * code);
                var isPositive = T.Greater(restLX, zero);
                var restL2 = sumL2 - (weight * code * code);
                var wanted = value * restL2 / restLX;
                strays = T.Select(T.And(isPositive, T.Greater(T.Abs(wanted), T.Broadcast(LargestRoundable))), one, strays);
                var other = Cut(T.Nearest(wanted));
                restLX += weight * value * other;
                restL2 += weight * other * other;
                var isBetter = T.And(isPositive, T.And(T.Greater(T.Abs(other - code), zero), T.And(T.Greater(restL2, zero), T.Greater(restLX * restLX * sumL2, sumLX * sumLX * restL2))));
                code = T.Select(isBetter, other, code);
                sumsLX[panel] = T.Select(isBetter, restLX, sumLX);
                sumsL2[panel] = T.Select(isBetter, restL2, sumL2);
                changes = T.Select(isBetter, one, changes);
            }
        }
        changed = !T.All(T.Greater(one, changes));
        return T.IsExactEverywhere || T.All(T.Greater(one, strays));
    }

    /// <summary>Up to here the nearest integer may be had by adding a number and taking it away.</summary>
    private const float LargestRoundable = 1 << 21;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Cut<T>(T code)
        where T : struct, ILanes<T>
        => T.Max(T.Min(code, T.Broadcast(Half - 1)), T.Broadcast(-Half));
}
