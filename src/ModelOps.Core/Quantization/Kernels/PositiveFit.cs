namespace ModelOps.Quantization;

/// <summary>
/// ggml's <c>make_qp_quants</c> on several rows at once, one a lane: numbers that are not negative as small integers times one factor, by
/// weighted least squares.
/// </summary>
internal static class PositiveFit
{
    private const int Refinements = 5;

    /// <summary>Numbers above go the exact way, as negative ones and NaNs do, and integers that come out larger before they are cut.</summary>
    private const float LargestNumber = 1e30f, LargestCode = 1 << 22;

    /// <summary>Fits; false when a lane's numbers leave what <see cref="ILanes{T}.Nearest"/> covers, and then the result means nothing.</summary>
    /// <param name="x">The numbers, place by place of all rows.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="maximum">The largest integer.</param>
    /// <param name="codes">The integers.</param>
    /// <param name="factor">0 where all numbers are zero.</param>
    public static bool TryRun<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, int maximum, Span<T> codes, out T factor)
        where T : struct, ILanes<T>
    {
        var (zero, top) = (T.Broadcast(0), T.Broadcast(maximum));
        var largest = zero;
        var isCovered = T.Equal(zero, zero);
        foreach (var value in x)
        {
            isCovered = T.And(isCovered, T.And(T.Greater(value, T.Broadcast(-float.Epsilon)), T.Greater(T.Broadcast(LargestNumber), value)));
            largest = T.Select(T.Greater(largest, value), largest, value);
        }
        factor = zero;
        if (!T.All(isCovered))
            return false;
        var isEmpty = T.Greater(T.Broadcast(Rounding.GroupMaxEpsilon), largest);
        largest = T.Select(isEmpty, T.Broadcast(1), largest);
        var inverse = BestInverse(x, weights, top, largest);
        var (sumLX, sumL2) = (zero, zero);
        for (var i = 0; i < x.Length; i++)
        {
            var code = T.Select(isEmpty, zero, T.Min(T.Nearest(inverse * x[i]), top));
            codes[i] = code;
            sumLX += weights[i] * x[i] * code;
            sumL2 += weights[i] * code * code;
        }
        for (var i = 0; i < Refinements; i++)
        {
            if (!TryRefine(x, weights, top, codes, ref sumLX, ref sumL2, out var isChanged))
                return false;
            if (!isChanged)
                break;
        }
        factor = T.Select(T.Greater(sumL2, zero), sumLX / sumL2, zero);
        return true;
    }

    /// <summary>Of nine inverses around the one that makes the largest number the largest integer, that with the least error.</summary>
    private static T BestInverse<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, T top, T largest)
        where T : struct, ILanes<T>
    {
        var inverse = top / largest;
        var best = Error(x, weights, top, inverse);
        for (var step = -4; step <= 4; step++)
        {
            if (step == 0)
                continue;
            var trial = (T.Broadcast(0.1f * step) + top) / largest;
            var error = Error(x, weights, top, trial);
            var isBetter = T.Greater(best, error);
            best = T.Select(isBetter, error, best);
            inverse = T.Select(isBetter, trial, inverse);
        }
        return inverse;
    }

    private static T Error<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, T top, T inverse)
        where T : struct, ILanes<T>
    {
        var scale = T.Broadcast(1) / inverse;
        var error = T.Broadcast(0);
        for (var i = 0; i < x.Length; i++)
        {
            var difference = x[i] - (scale * T.Min(T.Nearest(inverse * x[i]), top));
            error += weights[i] * difference * difference;
        }
        return error;
    }

    /// <summary>Takes each integer in turn to where it fits the others best.</summary>
    private static bool TryRefine<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weights, T top, Span<T> codes, ref T sumLX, ref T sumL2, out bool isChanged)
        where T : struct, ILanes<T>
    {
        var zero = T.Broadcast(0);
        var never = T.Greater(zero, zero);
        isChanged = false;
        for (var i = 0; i < x.Length; i++)
        {
            var (old, weighted) = (codes[i], weights[i] * x[i]);
            var restLX = sumLX - (weighted * old);
            var restL2 = sumL2 - (weights[i] * old * old);
            var isPositive = T.And(T.Greater(restLX, zero), T.Greater(restL2, zero));
            var place = x[i] * restL2 / restLX;
            if (!T.All(T.Select(isPositive, T.Greater(T.Broadcast(LargestCode), place), T.Equal(zero, zero))))
                return false;
            var code = T.Min(T.Nearest(place), top);
            restLX += weighted * code;
            restL2 += weights[i] * code * code;
            var isBetter = T.And(isPositive, T.Greater(restLX * restLX * sumL2, sumLX * sumLX * restL2));
            isBetter = T.Select(T.Equal(code, old), never, isBetter);
            if (!T.Any(isBetter))
                continue;
            isChanged = true;
            codes[i] = T.Select(isBetter, code, old);
            sumLX = T.Select(isBetter, restLX, sumLX);
            sumL2 = T.Select(isBetter, restL2, sumL2);
        }
        return true;
    }
}
