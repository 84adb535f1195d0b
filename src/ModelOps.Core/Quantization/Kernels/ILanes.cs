namespace ModelOps.Quantization;

/// <summary>
/// A row of floats that a kernel computes with at once, one sub-block a lane, so that each lane's sums keep the order of ggml's loops and
/// with it the bytes. Kernels are generic over it: 16 or 8 lanes where the processor has the vectors, 1 everywhere.
/// </summary>
internal interface ILanes<T>
    where T : struct, ILanes<T>
{
    static abstract int Count { get; }

    /// <summary>Whether <see cref="Nearest"/> is ggml's for every float; otherwise only below 2^22 in magnitude.</summary>
    static abstract bool IsExactEverywhere { get; }

    static abstract T Broadcast(float value);

    static abstract T Load(ReadOnlySpan<float> source);

    void Store(Span<float> destination);

    /// <summary>C's <c>(int8_t)</c> of each lane: the low byte of <see cref="Rounding.Truncate"/>.</summary>
    void StoreBytes(Span<byte> destination);

    static abstract T operator +(T left, T right);

    static abstract T operator -(T left, T right);

    static abstract T operator *(T left, T right);

    static abstract T operator /(T left, T right);

    static abstract T Abs(T value);

    static abstract T Sqrt(T value);

    /// <summary>The smaller; the right one where one is no number (on arm64, where one lane is what is used, vectors differ).</summary>
    static abstract T Min(T left, T right);

    /// <summary>The larger; likewise.</summary>
    static abstract T Max(T left, T right);

    /// <summary>ggml's <c>nearest_int</c>, as a float.</summary>
    static abstract T Nearest(T value);

    /// <summary>The same of every float, garbage beyond 2^22 included; an operation more.</summary>
    static abstract T NearestOfAny(T value);

    /// <summary>For each lane the entry of a table of 32 at 0 … 31. The index comes plus <see cref="Rounding.NearestMagic"/>: in the low bits.</summary>
    static abstract T Lookup(ReadOnlySpan<float> table, T index);

    /// <summary>A mask for <see cref="Select"/>: where left &gt; right.</summary>
    static abstract T Greater(T left, T right);

    /// <summary>The same where they are equal.</summary>
    static abstract T Equal(T left, T right);

    static abstract T And(T left, T right);

    static abstract T Select(T mask, T whereTrue, T whereFalse);

    /// <summary>Where left &gt; right. Less work than a mask and <see cref="Select"/>: the compiler keeps the mask out of the vectors.</summary>
    static abstract T SelectGreater(T left, T right, T whereTrue, T whereFalse);

    static abstract bool All(T mask);

    static abstract bool Any(T mask);

    static abstract bool AllEqual(T left, T right);
}
