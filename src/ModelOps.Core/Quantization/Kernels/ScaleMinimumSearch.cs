using System.Runtime.CompilerServices;

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
    /// <param name="panel">The sub-blocks.</param>
    /// <param name="fit">What the panel writes to, and in the end the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryRun<T>(in MinimumPanel<T> panel, ref MinimumFit<T> fit)
        where T : struct, ILanes<T>
    {
        panel.Survey();
        var constantMinimum = fit.Minimum;
        var range = fit.Maximum - fit.Minimum;
        if (!T.IsExactEverywhere && !IsCovered(range, fit.SumX))
            return false;
        var isVaried = T.Greater(range, T.Broadcast(0));
        var leastRange = T.Select(isVaried, range * T.Broadcast(LeastShrinkage), T.Broadcast(float.NegativeInfinity));

        panel.Guess(Maximum, Maximum, canPass: true);
        panel.Start(IsAbsolute);
        for (var step = 0; step <= Steps; step++)
        {
            if (!T.IsExactEverywhere && !T.All(T.Greater(fit.Maximum - fit.Minimum, leastRange)))
                return false;
            var levels = First + (Step * step) + Maximum;
            // No weight lies above the range, so that no code is above round(levels): only the last steps' can pass the largest.
            panel.Guess(levels, Maximum, canPass: T.IsExactEverywhere || levels > Maximum + 0.49f);
            panel.Fit(IsAbsolute);
        }
        var zero = T.Broadcast(0);
        fit.Scale = T.Select(isVaried, fit.Scale, zero);
        fit.Minimum = T.Select(isVaried, fit.Minimum, constantMinimum);
        fit.Inverse = T.Select(isVaried, fit.Inverse, zero);
        fit.Origin = T.Select(isVaried, fit.Origin, zero);
        return true;
    }

    private static bool IsCovered<T>(T range, T sumX)
        where T : struct, ILanes<T>
    {
        var isConstant = T.Greater(T.Broadcast(float.Epsilon), range);
        var fits = T.And(T.Greater(range, T.Broadcast(LeastRange)), T.Greater(T.Broadcast(LargestRange), range));
        return T.All(T.And(T.Select(isConstant, isConstant, fits), T.Greater(T.Broadcast(float.MaxValue), T.Abs(sumX))));
    }
}
