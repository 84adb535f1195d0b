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
    /// <param name="panels">The sub-blocks; the result is in their <see cref="MinimumPanels{T}.Fits"/>.</param>
    public bool TryRun<T>(in MinimumPanels<T> panels)
        where T : struct, ILanes<T>
    {
        panels.Survey();
        foreach (ref readonly var fit in panels.Fits)
        {
            if (!T.IsExactEverywhere && !IsCovered(fit))
                return false;
        }
        panels.Guess(Maximum, Maximum, canPass: true);
        panels.Start(IsAbsolute);
        for (var step = 0; step <= Steps; step++)
        {
            foreach (ref readonly var fit in panels.Fits)
            {
                if (!T.IsExactEverywhere && HasShrunk(fit))
                    return false;
            }
            var levels = First + (Step * step) + Maximum;
            // No weight lies above the range, so that no code is above round(levels): only the last steps' can pass the largest.
            panels.Guess(levels, Maximum, canPass: T.IsExactEverywhere || levels > Maximum + 0.49f);
            panels.Fit(IsAbsolute);
        }
        foreach (ref var fit in panels.Fits)
            Settle(ref fit);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static bool IsCovered<T>(in MinimumFit<T> fit)
        where T : struct, ILanes<T>
    {
        var range = fit.Maximum - fit.Least;
        var isConstant = T.Greater(T.Broadcast(float.Epsilon), range);
        var fits = T.And(T.Greater(range, T.Broadcast(LeastRange)), T.Greater(T.Broadcast(LargestRange), range));
        return T.All(T.And(T.Select(isConstant, isConstant, fits), T.Greater(T.Broadcast(float.MaxValue), T.Abs(fit.SumX))));
    }

    /// <summary>Whether a minimum has moved so far up that codes below it may pass 2^22.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static bool HasShrunk<T>(in MinimumFit<T> fit)
        where T : struct, ILanes<T>
        => T.Any(T.Greater((fit.Maximum - fit.Least) * T.Broadcast(LeastShrinkage), fit.Maximum - fit.Minimum));

    /// <summary>In the lanes that hold a constant sub-block: what ggml returns for one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Settle<T>(ref MinimumFit<T> fit)
        where T : struct, ILanes<T>
    {
        var zero = T.Broadcast(0);
        var isConstant = T.Equal(fit.Maximum, fit.Least);
        fit.Scale = T.Select(isConstant, zero, fit.Scale);
        fit.Minimum = T.Select(isConstant, fit.Least, fit.Minimum);
        fit.Inverse = T.Select(isConstant, zero, fit.Inverse);
        fit.Origin = T.Select(isConstant, zero, fit.Origin);
    }
}
