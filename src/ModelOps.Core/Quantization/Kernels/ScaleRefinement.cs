using System.Numerics;
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
        var active = (1u << panels) - 1;
        for (var pass = 0; pass < Passes && active != 0; pass++)
            active = Pass(x, length, codes, sumsLX, sumsL2, active, isFirst: pass == 0);
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

    /// <summary>
    /// One pass over the active panels, one bit each; those that it changed, since in the others the next one would change nothing either.
    /// In the first pass most panels have a weight that gets another code, in the others hardly one: only there is it worth a branch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint Pass<T>(ReadOnlySpan<T> x, int length, Span<T> codes, Span<T> sumsLX, Span<T> sumsL2, uint active, bool isFirst)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var l0 = ref MemoryMarshal.GetReference(codes);
        ref var sumsLX0 = ref MemoryMarshal.GetReference(sumsLX);
        ref var sumsL20 = ref MemoryMarshal.GetReference(sumsL2);
        var (zero, never) = (T.Broadcast(0), T.Broadcast(float.NegativeInfinity));
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var changed = isFirst ? active : 0;
        for (var i = 0; i < length; i++)
        {
            for (var rest = active; rest != 0; rest &= rest - 1)
            {
                var panel = BitOperations.TrailingZeroCount(rest);
                ref var code = ref Unsafe.Add(ref l0, (panel * length) + i);
                ref var sumLX = ref Unsafe.Add(ref sumsLX0, panel);
                ref var sumL2 = ref Unsafe.Add(ref sumsL20, panel);
                var value = Unsafe.Add(ref x0, (panel * length) + i);
                var weight = value * value;
                var product = weight * value;
                var restLX = sumLX - (product * code);
                var restL2 = sumL2 - (weight * code * code);
                var other = Code(value * restL2 / restLX, least, most);
                if (!isFirst && T.All(T.Equal(other, code)))
                    continue;
                var otherLX = restLX + (product * other);
                var otherL2 = restL2 + (weight * other * other);
                // What may not be taken is worse than anything.
                var gain = otherLX * otherLX * sumL2;
                gain = T.SelectGreater(restLX, zero, gain, never);
                gain = T.SelectGreater(otherL2, zero, gain, never);
                gain = T.Select(T.Equal(other, code), never, gain);
                var isBetter = T.Greater(gain, sumLX * sumLX * otherL2);
                if (!isFirst && T.All(T.Equal(T.Select(isBetter, zero, never), never)))
                    continue;
                code = T.Select(isBetter, other, code);
                sumLX = T.Select(isBetter, otherLX, sumLX);
                sumL2 = T.Select(isBetter, otherL2, sumL2);
                changed |= 1u << panel;
            }
        }
        return changed;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Code<T>(T scaled, T least, T most)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.NearestOfAny(scaled), most), least);
}
