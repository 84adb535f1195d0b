using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>
/// Sub-blocks side by side, one a lane, and the loops over their weights: where nearly all the time of a <see cref="ScaleMinimumSearch"/> goes.
/// Each is a method of its own, so that its rows stay in registers.
/// </summary>
/// <param name="x">The weights, element by element of all lanes.</param>
/// <param name="weights">What each counts.</param>
/// <param name="codes">Room for the codes of the guess at hand.</param>
/// <param name="fit">Room for what is known.</param>
internal readonly ref struct MinimumPanel<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, Span<T> codes, ref MinimumFit<T> fit)
    where T : struct, ILanes<T>
{
    private readonly ref T _x = ref MemoryMarshal.GetReference(x);
    private readonly ref T _weights = ref MemoryMarshal.GetReference(weights);
    private readonly ref T _codes = ref MemoryMarshal.GetReference(codes);
    private readonly ref MinimumFit<T> _fit = ref fit;
    private readonly nint _length = x.Length;

    /// <summary>Finds the ranges and the sums that do not depend on a guess.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Survey()
    {
        ref var x0 = ref _x;
        ref var weight0 = ref _weights;
        var (minimum, maximum, length) = (x0, x0, _length);
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
        _fit.Minimum = T.Select(T.Greater(minimum, zero), zero, minimum);
        (_fit.Maximum, _fit.SumW, _fit.SumX) = (maximum, sumW, sumX);
    }

    /// <summary>Makes the codes of a guess, and the sums that a least-squares fit to them takes.</summary>
    /// <param name="levels">Number of levels that the range from the minimum to the maximum is divided into.</param>
    /// <param name="top">The largest code.</param>
    /// <param name="canPass">Whether codes can come out larger than that, and must be cut.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Guess(float levels, int top, bool canPass)
    {
        if (canPass)
            Guess(levels, top, isCut: true, 0);
        else
            Guess(levels, top, isCut: false, 0);
    }

    /// <summary>Fits scale and minimum to the guess, and keeps them in the lanes where they are better than those before.</summary>
    /// <param name="isAbsolute">Whether the error is the sum of absolute differences, or of squared ones.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Fit(bool isAbsolute)
    {
        ref var fit = ref _fit;
        var zero = T.Broadcast(0);
        var determinant = (fit.SumW * fit.SumL2) - (fit.SumL * fit.SumL);
        var scale = ((fit.SumW * fit.SumXL) - (fit.SumX * fit.SumL)) / determinant;
        var minimum = ((fit.SumL2 * fit.SumX) - (fit.SumL * fit.SumXL)) / determinant;
        var isPositive = T.Greater(minimum, zero);
        if (T.Any(isPositive))
        {
            scale = T.Select(isPositive, fit.SumXL / fit.SumL2, scale);
            minimum = T.Select(isPositive, zero, minimum);
        }
        var error = Error(scale, minimum, isAbsolute);
        var isBetter = T.And(T.Greater(determinant, zero), T.Greater(fit.Error, error));
        fit.Error = T.Select(isBetter, error, fit.Error);
        fit.Scale = T.Select(isBetter, scale, fit.Scale);
        fit.Inverse = T.Select(isBetter, fit.GuessInverse, fit.Inverse);
        fit.Origin = T.Select(isBetter, fit.Minimum, fit.Origin);
        fit.Minimum = T.Select(isBetter, minimum, fit.Minimum);
    }

    /// <summary>Takes the first guess as the best so far: its scale is not fitted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Start(bool isAbsolute)
    {
        ref var fit = ref _fit;
        (fit.Inverse, fit.Origin) = (fit.GuessInverse, fit.Minimum);
        fit.Scale = T.Broadcast(1) / fit.GuessInverse;
        fit.Error = Error(fit.Scale, fit.Minimum, isAbsolute);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Guess(float levels, int top, bool isCut, int _)
    {
        ref var x0 = ref _x;
        ref var weight0 = ref _weights;
        ref var code0 = ref _codes;
        var minimum = _fit.Minimum;
        var inverse = T.Broadcast(levels) / (_fit.Maximum - minimum);
        var (zero, most, length) = (T.Broadcast(0), T.Broadcast(top), _length);
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
        (_fit.GuessInverse, _fit.SumL, _fit.SumL2, _fit.SumXL) = (inverse, sumL, sumL2, sumXL);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Error(T scale, T minimum, bool isAbsolute)
    {
        ref var x0 = ref _x;
        ref var weight0 = ref _weights;
        ref var code0 = ref _codes;
        var (error, length) = (T.Broadcast(0), _length);
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
