using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// Panels of sub-blocks side by side, one a lane, and the loops over their weights: where nearly all the time of a <see cref="ScaleMinimumSearch"/>
/// goes. Each goes through all panels before the next: a panel's divisions, and its sums in ggml's order, of which each waits for the one
/// before, then happen while the processor is busy with its neighbours.
/// </summary>
/// <param name="x">The weights, panel after panel, element by element of all lanes.</param>
/// <param name="weights">What each counts.</param>
/// <param name="codes">Room for the codes of the guess at hand.</param>
/// <param name="fits">Room for what is known, one a panel.</param>
internal readonly ref struct MinimumPanels<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, Span<T> codes, Span<MinimumFit<T>> fits)
    where T : struct, ILanes<T>
{
    private readonly ref T _x = ref MemoryMarshal.GetReference(x);
    private readonly ref T _weights = ref MemoryMarshal.GetReference(weights);
    private readonly ref T _codes = ref MemoryMarshal.GetReference(codes);
    private readonly int _length = x.Length / fits.Length;

    public Span<MinimumFit<T>> Fits { get; } = fits;

    /// <summary>Finds the ranges and the sums that do not depend on a guess.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Survey()
    {
        ref var x0 = ref _x;
        ref var weight0 = ref _weights;
        nint length = _length;
        foreach (ref var fit in Fits)
        {
            var (minimum, maximum) = (x0, x0);
            var sumW = weight0;
            var sumX = sumW * x0;
            for (nint i = 1; i < length; i++)
            {
                var x = Unsafe.Add(ref x0, i);
                var weight = Unsafe.Add(ref weight0, i);
                minimum = T.Select(T.Greater(minimum, x), x, minimum);
                maximum = T.Select(T.Greater(x, maximum), x, maximum);
                sumW += weight;
                sumX += weight * x;
            }
            var zero = T.Broadcast(0);
            fit.Least = T.Select(T.Greater(minimum, zero), zero, minimum);
            (fit.Minimum, fit.Maximum, fit.SumW, fit.SumX) = (fit.Least, maximum, sumW, sumX);
            x0 = ref Unsafe.Add(ref x0, length);
            weight0 = ref Unsafe.Add(ref weight0, length);
        }
    }

    /// <summary>Makes the codes of a guess, and the sums that a least-squares fit to them takes.</summary>
    /// <param name="levels">Number of levels that the range from the minimum to the maximum is divided into.</param>
    /// <param name="top">The largest code.</param>
    /// <param name="canPass">Whether codes can come out larger than that, and must be cut.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Guess(float levels, int top, bool canPass)
    {
        if (canPass)
            GuessAll(levels, top, isCut: true);
        else
            GuessAll(levels, top, isCut: false);
    }

    /// <summary>Takes the first guess as the best so far: its scale is not fitted.</summary>
    /// <param name="isAbsolute">Whether the error is the sum of absolute differences, or of squared ones.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Start(bool isAbsolute)
    {
        nint at = 0;
        foreach (ref var fit in Fits)
        {
            (fit.Inverse, fit.Origin) = (fit.GuessInverse, fit.Minimum);
            fit.Scale = T.Broadcast(1) / fit.GuessInverse;
            fit.Error = Error(at, fit.Scale, fit.Minimum, isAbsolute);
            at += _length;
        }
    }

    /// <summary>Fits scale and minimum to the guess, and keeps them in the lanes where they are better than those before.</summary>
    /// <param name="isAbsolute">Whether the error is the sum of absolute differences, or of squared ones.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Fit(bool isAbsolute)
    {
        nint at = 0;
        var zero = T.Broadcast(0);
        foreach (ref var fit in Fits)
        {
            var determinant = (fit.SumW * fit.SumL2) - (fit.SumL * fit.SumL);
            var scale = ((fit.SumW * fit.SumXL) - (fit.SumX * fit.SumL)) / determinant;
            var minimum = ((fit.SumL2 * fit.SumX) - (fit.SumL * fit.SumXL)) / determinant;
            var isPositive = T.Greater(minimum, zero);
            if (T.Any(isPositive))
            {
                scale = T.Select(isPositive, fit.SumXL / fit.SumL2, scale);
                minimum = T.Select(isPositive, zero, minimum);
            }
            var error = Error(at, scale, minimum, isAbsolute);
            var isBetter = T.And(T.Greater(determinant, zero), T.Greater(fit.Error, error));
            fit.Error = T.Select(isBetter, error, fit.Error);
            fit.Scale = T.Select(isBetter, scale, fit.Scale);
            fit.Inverse = T.Select(isBetter, fit.GuessInverse, fit.Inverse);
            fit.Origin = T.Select(isBetter, fit.Minimum, fit.Origin);
            fit.Minimum = T.Select(isBetter, minimum, fit.Minimum);
            at += _length;
        }
    }

    /// <summary>Inlined twice, with a constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GuessAll(float levels, int top, bool isCut)
    {
        ref var x0 = ref _x;
        ref var weight0 = ref _weights;
        ref var code0 = ref _codes;
        var (zero, most) = (T.Broadcast(0), T.Broadcast(top));
        nint length = _length;
        foreach (ref var fit in Fits)
        {
            var minimum = fit.Minimum;
            var inverse = T.Broadcast(levels) / (fit.Maximum - minimum);
            var (sumL, sumL2, sumXL) = (zero, zero, zero);
            for (nint i = 0; i < length; i++)
            {
                var x = Unsafe.Add(ref x0, i);
                var code = T.Nearest(inverse * (x - minimum));
                if (isCut)
                    code = T.Min(code, most);
                code = T.Max(code, zero);
                Unsafe.Add(ref code0, i) = code;
                var weighted = Unsafe.Add(ref weight0, i) * code;
                sumL += weighted;
                sumL2 += weighted * code;
                sumXL += weighted * x;
            }
            (fit.GuessInverse, fit.SumL, fit.SumL2, fit.SumXL) = (inverse, sumL, sumL2, sumXL);
            x0 = ref Unsafe.Add(ref x0, length);
            weight0 = ref Unsafe.Add(ref weight0, length);
            code0 = ref Unsafe.Add(ref code0, length);
        }
    }

    /// <summary>The weighted error of the codes of the panel whose rows begin at <paramref name="at"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Error(nint at, T scale, T minimum, bool isAbsolute)
    {
        ref var x0 = ref Unsafe.Add(ref _x, at);
        ref var weight0 = ref Unsafe.Add(ref _weights, at);
        ref var code0 = ref Unsafe.Add(ref _codes, at);
        nint length = _length;
        var error = T.Broadcast(0);
        if (isAbsolute)
        {
            for (nint i = 0; i < length; i++)
                error += Unsafe.Add(ref weight0, i) * T.Abs((scale * Unsafe.Add(ref code0, i)) + minimum - Unsafe.Add(ref x0, i));
            return error;
        }
        for (nint i = 0; i < length; i++)
        {
            var difference = (scale * Unsafe.Add(ref code0, i)) + minimum - Unsafe.Add(ref x0, i);
            error += Unsafe.Add(ref weight0, i) * (difference * difference);
        }
        return error;
    }
}
