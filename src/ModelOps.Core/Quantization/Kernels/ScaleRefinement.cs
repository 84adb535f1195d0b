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

    /// <summary>Searches.</summary>
    /// <param name="x">The weights, element by element of all lanes; panels one after the other.</param>
    /// <param name="panels">Panels, each of <c>x.Length / panels</c> elements. Their sums wait for themselves only, so several keep the processor busy.</param>
    /// <param name="codes">The codes plus Half; 0 where the sub-block is all zero.</param>
    /// <param name="scales">The scales, 0 for sub-blocks of zeros; one a panel.</param>
    public void Run<T>(ReadOnlySpan<T> x, int panels, Span<T> codes, Span<T> scales)
        where T : unmanaged, ILanes<T>
    {
        var length = x.Length / panels;
        Span<T> sumsLX = stackalloc T[panels];
        Span<T> sumsL2 = stackalloc T[panels];
        Span<T> isEmpty = stackalloc T[panels];
        for (var panel = 0; panel < panels; panel++)
            (sumsLX[panel], sumsL2[panel], isEmpty[panel]) = Start(x.Slice(panel * length, length), codes.Slice(panel * length, length));
        for (var pass = 0; pass < Passes && Pass(x, length, codes, sumsLX, sumsL2); pass++)
        {
        }
        var (zero, half) = (T.Broadcast(0), T.Broadcast(Half));
        for (var panel = 0; panel < panels; panel++)
        {
            scales[panel] = T.Select(isEmpty[panel], zero, T.Select(T.Greater(sumsL2[panel], zero), sumsLX[panel] / sumsL2[panel], zero));
            foreach (ref var code in codes.Slice(panel * length, length))
                code = T.Select(isEmpty[panel], zero, code + half);
        }
    }

    private (T SumLX, T SumL2, T IsEmpty) Start<T>(ReadOnlySpan<T> x, Span<T> codes)
        where T : struct, ILanes<T>
    {
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var (magnitude, extreme) = Extremes.Find(x);
        var isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        var inverse = least / T.Select(isEmpty, T.Broadcast(1), extreme);
        var (sumLX, sumL2) = (T.Broadcast(0), T.Broadcast(0));
        for (var i = 0; i < x.Length; i++)
        {
            var code = Code(inverse * x[i], least, most);
            codes[i] = code;
            var weight = x[i] * x[i];
            sumLX += weight * x[i] * code;
            sumL2 += weight * code * code;
        }
        return (sumLX, sumL2, isEmpty);
    }

    /// <summary>One pass; whether it changed a code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Pass<T>(ReadOnlySpan<T> x, int length, Span<T> codes, Span<T> sumsLX, Span<T> sumsL2)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var l0 = ref MemoryMarshal.GetReference(codes);
        var (zero, one) = (T.Broadcast(0), T.Broadcast(1));
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var changes = zero;
        for (nint i = 0; i < length; i++)
        {
            var at = i;
            for (var panel = 0; panel < sumsLX.Length; panel++, at += length)
            {
                var (value, code) = (Unsafe.Add(ref x0, at), Unsafe.Add(ref l0, at));
                var (sumLX, sumL2) = (sumsLX[panel], sumsL2[panel]);
                var weight = value * value;
                var product = weight * value;
                var restLX = sumLX - (product * code);
                var restL2 = sumL2 - (weight * code * code);
                var other = Code(value * restL2 / restLX, least, most);
                var otherLX = restLX + (product * other);
                var otherL2 = restL2 + (weight * other * other);
                // What may not be taken is worse than anything.
                var gain = otherLX * otherLX * sumL2;
                gain = T.Select(T.Greater(restLX, zero), gain, T.Broadcast(float.NegativeInfinity));
                gain = T.Select(T.Greater(otherL2, zero), gain, T.Broadcast(float.NegativeInfinity));
                gain = T.Select(T.Equal(other, code), T.Broadcast(float.NegativeInfinity), gain);
                var isBetter = T.Greater(gain, sumLX * sumLX * otherL2);
                Unsafe.Add(ref l0, at) = T.Select(isBetter, other, code);
                sumsLX[panel] = T.Select(isBetter, otherLX, sumLX);
                sumsL2[panel] = T.Select(isBetter, otherL2, sumL2);
                changes = T.Select(isBetter, one, changes);
            }
        }
        return !T.All(T.Equal(changes, zero));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Code<T>(T scaled, T least, T most)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.NearestOfAny(scaled), most), least);
}
