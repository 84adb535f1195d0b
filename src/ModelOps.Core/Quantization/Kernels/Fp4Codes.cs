namespace ModelOps.Quantization;

/// <summary>The nearest of the 4-bit floats (best_index_mxfp4).</summary>
internal static class Fp4Codes
{
    private const int Magnitudes = 8;

    /// <summary>
    /// The codes of weights, a multiple of 16: of those that are equally near the first, so never the negative zero.
    /// </summary>
    /// <param name="x">The weights.</param>
    /// <param name="step">Half of what a code of one is worth.</param>
    /// <param name="codes">One a weight.</param>
    public static void Encode(ReadOnlySpan<float> x, float step, Span<byte> codes)
    {
        switch (LaneWidth.Widest)
        {
            case >= 16:
                Encode<Lanes16>(x, step, codes);
                break;
            case >= 8:
                Encode<Lanes8>(x, step, codes);
                break;
            default:
                Encode<Lanes1>(x, step, codes);
                break;
        }
    }

    private static void Encode<T>(ReadOnlySpan<float> x, float step, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        Span<float> found = stackalloc float[T.Count];
        var (zero, sign) = (T.Broadcast(0), T.Broadcast(Magnitudes));
        for (var at = 0; at < x.Length; at += T.Count)
        {
            var value = T.Load(x[at..]);
            var magnitude = T.Abs(value);
            var (code, least) = (zero, magnitude);
            for (var i = 1; i < Magnitudes; i++)
            {
                // The error is the same on both sides of zero, so the sign can wait.
                var error = T.Abs(T.Broadcast(Fp4Nibbles.DoubledValues[i] * step) - magnitude);
                var isNearer = T.Greater(least, error);
                code = T.Select(isNearer, T.Broadcast(i), code);
                least = T.Select(isNearer, error, least);
            }
            T.Select(T.And(T.Greater(zero, value), T.Greater(code, zero)), code + sign, code).Store(found);
            for (var i = 0; i < T.Count; i++)
                codes[at + i] = (byte)found[i];
        }
    }
}
