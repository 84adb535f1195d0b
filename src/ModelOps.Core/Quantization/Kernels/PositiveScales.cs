using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>Numbers that are not negative as small integers times one factor.</summary>
internal static class PositiveScales
{
    private const int Longest = 16;
    private const int Refinements = 5;

    /// <summary>The factor that makes the largest number the largest integer.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="maximum">The largest integer.</param>
    /// <param name="codes">The integers.</param>
    public static float RoundToLargest(ReadOnlySpan<float> x, int maximum, Span<byte> codes)
    {
        var largest = 0f;
        foreach (var value in x)
            largest = value > largest ? value : largest;
        var inverse = largest > 0 ? maximum / largest : 0f;
        // A byte first, as in ggml: a negative one is large.
        for (var i = 0; i < x.Length; i++)
            codes[i] = Math.Min((byte)maximum, unchecked((byte)Rounding.Nearest(inverse * x[i])));
        return largest / maximum;
    }

    /// <summary>ggml's <c>make_qp_quants</c>, weighted least squares, on rows of numbers.</summary>
    /// <param name="x">The numbers, row after row.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="length">Numbers in a row, 8 or 16.</param>
    /// <param name="maximum">The largest integer.</param>
    /// <param name="codes">The integers.</param>
    /// <param name="factors">One a row; 0 when all its numbers are zero.</param>
    public static void Fit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int length, int maximum, Span<byte> codes, Span<float> factors)
    {
        var rows = x.Length / length;
        for (var first = 0; first < rows;)
        {
            var lanes = LaneWidth.For(rows - first);
            var panel = x.Slice(first * length, lanes * length);
            var counts = weights.Slice(first * length, lanes * length);
            var code = codes.Slice(first * length, lanes * length);
            var isFitted = lanes switch
            {
                16 => TryFit<Lanes16>(panel, counts, length, maximum, code, factors[first..]),
                8 => TryFit<Lanes8>(panel, counts, length, maximum, code, factors[first..]),
                _ => false,
            };
            for (var one = 0; !isFitted && one < lanes; one++)
                factors[first + one] = Fit(panel.Slice(one * length, length), counts.Slice(one * length, length), maximum, code.Slice(one * length, length));
            first += lanes;
        }
    }

    [SkipLocalsInit]
    private static bool TryFit<T>(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int length, int maximum, Span<byte> codes, Span<float> factors)
        where T : unmanaged, ILanes<T>
    {
        var room = LaneWidth.Align<T>(stackalloc byte[(3 * Longest * Unsafe.SizeOf<T>()) + LaneWidth.Alignment]);
        var columns = room[..length];
        var counts = room.Slice(length, length);
        var found = room.Slice(2 * length, length);
        LaneWidth.Transpose(x, columns);
        LaneWidth.Transpose(weights, counts);
        if (!PositiveFit.TryRun<T>(columns, counts, maximum, found, out var factor))
            return false;
        factor.Store(factors);
        for (var lane = 0; lane < T.Count; lane++)
        {
            for (var i = 0; i < length; i++)
                codes[(lane * length) + i] = (byte)(int)MemoryMarshal.Cast<T, float>(found)[(i * T.Count) + lane];
        }
        return true;
    }

    /// <summary>The factor; 0 when all are zero.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="maximum">The largest integer.</param>
    /// <param name="codes">The integers.</param>
    public static float Fit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int maximum, Span<byte> codes)
    {
        var largest = 0f;
        foreach (var value in x)
            largest = largest > value ? largest : value;
        if (largest < Rounding.GroupMaxEpsilon)
        {
            codes[..x.Length].Clear();
            return 0;
        }
        var inverse = BestInverse(x, weights, maximum, largest);
        var (sumLX, sumL2) = (0f, 0f);
        for (var i = 0; i < x.Length; i++)
        {
            var code = Math.Min(maximum, Rounding.Nearest(inverse * x[i]));
            codes[i] = unchecked((byte)code);
            sumLX += weights[i] * x[i] * code;
            sumL2 += weights[i] * code * code;
        }
        for (var i = 0; i < Refinements && Refine(x, weights, maximum, codes, ref sumLX, ref sumL2); i++)
        {
        }
        return sumL2 > 0 ? sumLX / sumL2 : 0;
    }

    private static float BestInverse(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int maximum, float largest)
    {
        var inverse = maximum / largest;
        // The first guess is not cut to the maximum, but stored as a byte.
        var scale = 1 / inverse;
        var best = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            var difference = x[i] - (scale * unchecked((byte)Rounding.Nearest(inverse * x[i])));
            best += weights[i] * difference * difference;
        }
        for (var step = -4; step <= 4; step++)
        {
            if (step == 0)
                continue;
            var trial = ((0.1f * step) + maximum) / largest;
            scale = 1 / trial;
            var error = 0f;
            for (var i = 0; i < x.Length; i++)
            {
                var difference = x[i] - (scale * Math.Min(maximum, Rounding.Nearest(trial * x[i])));
                error += weights[i] * difference * difference;
            }
            if (error < best)
                (best, inverse) = (error, trial);
        }
        return inverse;
    }

    private static bool Refine(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int maximum, Span<byte> codes, ref float sumLX, ref float sumL2)
    {
        var changed = false;
        for (var i = 0; i < x.Length; i++)
        {
            var weight = weights[i];
            var restLX = sumLX - (weight * x[i] * codes[i]);
            var restL2 = sumL2 - (weight * codes[i] * codes[i]);
            if (!(restLX > 0 && restL2 > 0))
                continue;
            var code = Math.Min(maximum, Rounding.Nearest(x[i] * restL2 / restLX));
            if (code == codes[i])
                continue;
            restLX += weight * x[i] * code;
            restL2 += weight * code * code;
            if (restLX * restLX * sumL2 > sumLX * sumLX * restL2)
            {
                codes[i] = unchecked((byte)code);
                (sumLX, sumL2, changed) = (restLX, restL2, true);
            }
        }
        return changed;
    }
}
