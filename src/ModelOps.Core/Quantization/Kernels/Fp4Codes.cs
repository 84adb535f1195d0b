using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>The nearest of the 4-bit floats (best_index_mxfp4).</summary>
internal static class Fp4Codes
{
    private const int Magnitudes = 8;

    // Within these the differences that Scan compares are exact near every middle of two values, and tell the values apart elsewhere.
    private const float LeastStep = 1e-30f, LargestStep = 1e30f, LargestCode = 1 << 16;

    /// <summary>
    /// The codes of weights, a multiple of 16: of those that are equally near the first, so never the negative zero.
    /// </summary>
    /// <param name="x">The weights.</param>
    /// <param name="magnitude">The largest magnitude of them.</param>
    /// <param name="step">Half of what a code of one is worth.</param>
    /// <param name="codes">One a weight.</param>
    public static void Encode(ReadOnlySpan<float> x, float magnitude, float step, Span<byte> codes)
    {
        if (step is < LeastStep or > LargestStep || !(magnitude <= LargestCode * step))
        {
            Scan(x, step, codes);
            return;
        }
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

    /// <summary>The values of 16 codes, doubled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> DoubledValue(Vector128<byte> codes) => Vector128.Shuffle(Vector128.Create(Fp4Nibbles.DoubledValues), codes.AsSByte());

    /// <summary>By the middles between the values: all of them are floats, and at one of them the smaller value is taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Encode<T>(ReadOnlySpan<float> x, float step, Span<byte> codes)
        where T : struct, ILanes<T>
    {
        for (var at = 0; at < x.Length; at += T.Count)
        {
            var value = T.Load(x[at..]);
            var magnitude = T.Abs(value);
            var code = T.SelectGreater(magnitude, T.Broadcast(0.5f * step), T.Broadcast(1), T.Broadcast(0));
            code = T.SelectGreater(magnitude, T.Broadcast(1.5f * step), T.Broadcast(2), code);
            code = T.SelectGreater(magnitude, T.Broadcast(2.5f * step), T.Broadcast(3), code);
            code = T.SelectGreater(magnitude, T.Broadcast(3.5f * step), T.Broadcast(4), code);
            code = T.SelectGreater(magnitude, T.Broadcast(5f * step), T.Broadcast(5), code);
            code = T.SelectGreater(magnitude, T.Broadcast(7f * step), T.Broadcast(6), code);
            code = T.SelectGreater(magnitude, T.Broadcast(10f * step), T.Broadcast(7), code);
            T.SelectGreater(T.Broadcast(-0.5f * step), value, code + T.Broadcast(Magnitudes), code).StoreBytes(codes[at..]);
        }
    }

    /// <summary>As ggml does it: for blocks whose scale is so small or large that differences are rounded.</summary>
    private static void Scan(ReadOnlySpan<float> x, float step, Span<byte> codes)
    {
        for (var at = 0; at < x.Length; at++)
        {
            var (code, least) = (0, MathF.Abs(x[at]));
            for (var i = 1; i < 2 * Magnitudes; i++)
            {
                var error = MathF.Abs((Fp4Nibbles.DoubledValues[i] * step) - x[at]);
                if (error < least)
                    (code, least) = (i, error);
            }
            codes[at] = (byte)code;
        }
    }
}
