using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// ggml's <c>make_qkx2_quants</c> and <c>make_qkx3_quants</c> on several sub-blocks at once, one a lane: the scale and the minimum that
/// reproduce a sub-block best with unsigned codes, among a first guess and <paramref name="Steps"/> + 1 refined ones.
/// </summary>
/// <param name="Maximum">The largest code, 3, 15 or 31.</param>
/// <param name="First">What the first refinement adds to the largest code before it divides by the range.</param>
/// <param name="Step">What each further refinement adds.</param>
/// <param name="Steps">Number of further refinements.</param>
/// <param name="IsAbsolute">Whether the error is the sum of absolute differences, or of squared ones.</param>
internal readonly record struct ScaleMinimumSearch(int Maximum, float First, float Step, int Steps, bool IsAbsolute)
{
    /// <summary>Ranges outside of these go the exact way: their inverses overflow, or their codes pass 2^22 before they are clamped.</summary>
    private const float LeastRange = 1e-30f, LargestRange = 1e30f, LeastShrinkage = 1e-3f;

    /// <summary>Searches; false when a lane's numbers leave what <see cref="ILanes{T}.Nearest"/> covers, and then the result means nothing.</summary>
    /// <param name="x">The weights, element by element of all lanes.</param>
    /// <param name="weights">Importance of each.</param>
    /// <param name="codes">The codes of the best guess; 0 in a constant sub-block.</param>
    /// <param name="scale">The scale, 0 for a constant sub-block.</param>
    /// <param name="minimum">The minimum, at most 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRun<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, Span<T> codes, out T scale, out T minimum)
        where T : struct, ILanes<T>
    {
        ref var x0 = ref MemoryMarshal.GetReference(x);
        ref var w0 = ref MemoryMarshal.GetReference(weights);
        ref var l0 = ref MemoryMarshal.GetReference(codes);
        var zero = T.Broadcast(0);
        var top = T.Broadcast(Maximum);

        var (min, max) = (x0, x0);
        var sumW = w0;
        var sumX = sumW * x0;
        for (var i = 1; i < x.Length; i++)
        {
            var value = Unsafe.Add(ref x0, i);
            var weight = Unsafe.Add(ref w0, i);
            min = T.Select(T.Greater(min, value), value, min);
            max = T.Select(T.Greater(value, max), value, max);
            sumW += weight;
            sumX += weight * value;
        }
        min = T.Select(T.Greater(min, zero), zero, min);
        var constantMinimum = min;
        var range = max - min;
        var isVaried = T.Greater(range, zero);
        if (!T.IsExactEverywhere)
        {
            var isConstant = T.Greater(T.Broadcast(float.Epsilon), range);
            var fits = T.And(T.Greater(range, T.Broadcast(LeastRange)), T.Greater(T.Broadcast(LargestRange), range));
            if (!T.All(T.And(T.Select(isConstant, isConstant, fits), T.Greater(T.Broadcast(float.MaxValue), T.Abs(sumX)))))
            {
                (scale, minimum) = (zero, zero);
                return false;
            }
        }

        var inverse = top / range;
        scale = T.Broadcast(1) / inverse;
        var bestError = zero;
        var (bestInverse, bestOrigin) = (inverse, min);
        for (var i = 0; i < x.Length; i++)
        {
            var value = Unsafe.Add(ref x0, i);
            var code = Code(inverse, value - min);
            bestError += Unsafe.Add(ref w0, i) * Error((scale * code) + min - value);
        }
        for (var step = 0; step <= Steps; step++)
        {
            inverse = T.Broadcast(First + (Step * step) + Maximum) / (max - min);
            var (sumL, sumL2, sumXL) = (zero, zero, zero);
            for (var i = 0; i < x.Length; i++)
            {
                var value = Unsafe.Add(ref x0, i);
                var code = Code(inverse, value - min);
                Unsafe.Add(ref l0, i) = code;
                var weighted = Unsafe.Add(ref w0, i) * code;
                sumL += weighted;
                sumL2 += weighted * code;
                sumXL += weighted * value;
            }
            var determinant = (sumW * sumL2) - (sumL * sumL);
            var guess = ((sumW * sumXL) - (sumX * sumL)) / determinant;
            var guessMinimum = ((sumL2 * sumX) - (sumL * sumXL)) / determinant;
            var isPositive = T.Greater(guessMinimum, zero);
            guess = T.Select(isPositive, sumXL / sumL2, guess);
            guessMinimum = T.Select(isPositive, zero, guessMinimum);
            var error = zero;
            for (var i = 0; i < x.Length; i++)
                error += Unsafe.Add(ref w0, i) * Error((guess * Unsafe.Add(ref l0, i)) + guessMinimum - Unsafe.Add(ref x0, i));
            var isBetter = T.And(T.Greater(determinant, zero), T.Greater(bestError, error));
            bestError = T.Select(isBetter, error, bestError);
            scale = T.Select(isBetter, guess, scale);
            bestInverse = T.Select(isBetter, inverse, bestInverse);
            bestOrigin = T.Select(isBetter, min, bestOrigin);
            min = T.Select(isBetter, guessMinimum, min);
            if (!T.IsExactEverywhere && !T.All(T.Select(isVaried, T.Greater(max - min, range * T.Broadcast(LeastShrinkage)), T.Greater(T.Broadcast(1), zero))))
                return Fail(out minimum);
        }
        for (var i = 0; i < x.Length; i++)
            Unsafe.Add(ref l0, i) = T.Select(isVaried, Code(bestInverse, Unsafe.Add(ref x0, i) - bestOrigin), zero);
        scale = T.Select(isVaried, scale, zero);
        minimum = T.Select(isVaried, min, constantMinimum);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Code<T>(T inverse, T above)
        where T : struct, ILanes<T>
        => T.Max(T.Min(T.Nearest(inverse * above), T.Broadcast(Maximum)), T.Broadcast(0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Error<T>(T difference)
        where T : struct, ILanes<T>
        => IsAbsolute ? T.Abs(difference) : difference * difference;

    private static bool Fail<T>(out T minimum)
        where T : struct, ILanes<T>
    {
        minimum = T.Broadcast(0);
        return false;
    }
}
