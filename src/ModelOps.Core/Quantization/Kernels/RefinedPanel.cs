using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>What a <see cref="ScaleRefinement"/> keeps of a panel of sub-blocks.</summary>
internal struct RefinedPanel<T>
    where T : struct, ILanes<T>
{
    /// <summary>The sums of weight · x · code and weight · code² that make the error.</summary>
    public T SumLX, SumL2;

    /// <summary>The same without the element in turn, and the code that would be best for it.</summary>
    public T RestLX, RestL2, Other;

    /// <summary>Where a sub-block is all zero.</summary>
    public T IsEmpty;

    /// <summary>Takes the other code of the element where it lessens the error; the code it has then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Take(T value, T code)
    {
        var (zero, never) = (T.Broadcast(0), T.Broadcast(float.NegativeInfinity));
        var (sumLX, sumL2, restLX, other) = (SumLX, SumL2, RestLX, Other);
        var weight = value * value;
        var otherLX = restLX + (weight * value * other);
        var otherL2 = RestL2 + (weight * other * other);
        // What may not be taken is worse than anything.
        var gain = otherLX * otherLX * sumL2;
        gain = T.SelectGreater(restLX, zero, gain, never);
        gain = T.SelectGreater(otherL2, zero, gain, never);
        gain = T.Select(T.Equal(other, code), never, gain);
        var isBetter = T.Greater(gain, sumLX * sumLX * otherL2);
        SumLX = T.Select(isBetter, otherLX, sumLX);
        SumL2 = T.Select(isBetter, otherL2, sumL2);
        return T.Select(isBetter, other, code);
    }
}
