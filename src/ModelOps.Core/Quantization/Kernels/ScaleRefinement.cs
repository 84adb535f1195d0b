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
    [SkipLocalsInit]
    public void Run<T>(ReadOnlySpan<T> x, int panels, Span<T> codes, Span<T> scales)
        where T : unmanaged, ILanes<T>
    {
        var length = x.Length / panels;
        var states = MemoryMarshal.Cast<T, RefinedPanel<T>>(LaneWidth.Align<T>(stackalloc byte[(panels * Unsafe.SizeOf<RefinedPanel<T>>()) + LaneWidth.Alignment]));
        for (var panel = 0; panel < panels; panel++)
            Start(x.Slice(panel * length, length), codes.Slice(panel * length, length), out states[panel]);
        var active = (1u << panels) - 1;
        for (var pass = 0; pass < Passes && active != 0; pass++)
            active = Pass(x, length, codes, states, active);
        var (zero, half) = (T.Broadcast(0), T.Broadcast(Half));
        for (var panel = 0; panel < panels; panel++)
        {
            ref var state = ref states[panel];
            scales[panel] = T.Select(state.IsEmpty, zero, T.SelectGreater(state.SumL2, zero, state.SumLX / state.SumL2, zero));
            foreach (ref var code in codes.Slice(panel * length, length))
                code = T.Select(state.IsEmpty, zero, code + half);
        }
    }

    private void Start<T>(ReadOnlySpan<T> x, Span<T> codes, out RefinedPanel<T> state)
        where T : struct, ILanes<T>
    {
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var (magnitude, extreme) = Extremes.Find(x);
        state = default;
        state.IsEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), magnitude);
        var inverse = least / T.Select(state.IsEmpty, T.Broadcast(1), extreme);
        var (sumLX, sumL2) = (T.Broadcast(0), T.Broadcast(0));
        for (var i = 0; i < x.Length; i++)
        {
            var code = Code(inverse * x[i], least, most);
            codes[i] = code;
            var weight = x[i] * x[i];
            sumLX += weight * x[i] * code;
            sumL2 += weight * code * code;
        }
        (state.SumLX, state.SumL2) = (sumLX, sumL2);
    }

    /// <summary>One pass over the active panels, one bit each; those that it changed, since in the others the next one would change nothing either.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private uint Pass<T>(ReadOnlySpan<T> x, int length, Span<T> codes, Span<RefinedPanel<T>> states, uint active)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var codes0 = ref MemoryMarshal.GetReference(codes);
        ref var states0 = ref MemoryMarshal.GetReference(states);
        var (least, most) = (T.Broadcast(-Half), T.Broadcast(Half - 1));
        var changed = 0u;
        for (nint i = 0; i < length; i++)
        {
            // The wishes first, which wait for a division each, then what comes of them: most panels have none.
            var wishing = 0u;
            for (var rest = active; rest != 0; rest &= rest - 1)
            {
                var panel = BitOperations.TrailingZeroCount(rest);
                ref var state = ref Unsafe.Add(ref states0, panel);
                var (value, code) = (Unsafe.Add(ref x0, (panel * length) + i), Unsafe.Add(ref codes0, (panel * length) + i));
                var weight = value * value;
                var restLX = state.SumLX - (weight * value * code);
                var restL2 = state.SumL2 - (weight * code * code);
                var other = Code(value * restL2 / restLX, least, most);
                (state.RestLX, state.RestL2, state.Other) = (restLX, restL2, other);
                wishing |= (T.AllEqual(other, code) ? 0u : 1u) << panel;
            }
            for (; wishing != 0; wishing &= wishing - 1)
            {
                var panel = BitOperations.TrailingZeroCount(wishing);
                ref var code = ref Unsafe.Add(ref codes0, (panel * length) + i);
                var better = Unsafe.Add(ref states0, panel).Take(Unsafe.Add(ref x0, (panel * length) + i), code);
                changed |= (T.AllEqual(better, code) ? 0u : 1u) << panel;
                code = better;
            }
        }
        return changed;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Code<T>(T scaled, T least, T most)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.NearestOfAny(scaled), most), least);
}
