using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>The codes of weights, a multiple of 16, whose scale is known already, by ggml's two conversions to a byte.</summary>
internal static class BlockCodes
{
    /// <summary>The float below a half: adding it, with the number's sign, and truncating is C's roundf for every float; adding a half is not.</summary>
    private const float AlmostHalf = 0.49999997f;

    /// <summary><c>(int8_t)((x - offset) * inverse + bias)</c>.</summary>
    public static void Truncate(ReadOnlySpan<float> x, float offset, float inverse, float bias, Span<byte> codes)
    {
        switch (LaneWidth.Widest)
        {
            case >= 16:
                Truncate<Lanes16>(x, offset, inverse, bias, codes);
                break;
            case >= 8:
                Truncate<Lanes8>(x, offset, inverse, bias, codes);
                break;
            default:
                Truncate<Lanes1>(x, offset, inverse, bias, codes);
                break;
        }
    }

    /// <summary><c>(int8_t)roundf(x * inverse)</c>: half away from zero.</summary>
    public static void Round(ReadOnlySpan<float> x, float inverse, Span<byte> codes)
    {
        switch (LaneWidth.Widest)
        {
            case >= 16:
                Round<Lanes16>(x, inverse, codes);
                break;
            case >= 8:
                Round<Lanes8>(x, inverse, codes);
                break;
            default:
                Round<Lanes1>(x, inverse, codes);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Truncate<T>(ReadOnlySpan<float> x, float offset, float inverse, float bias, Span<byte> codes)
        where T : struct, ILanes<T>
    {
        var (offsets, inverses, biases) = (T.Broadcast(offset), T.Broadcast(inverse), T.Broadcast(bias));
        for (var i = 0; i < x.Length; i += T.Count)
            (((T.Load(x[i..]) - offsets) * inverses) + biases).StoreBytes(codes[i..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round<T>(ReadOnlySpan<float> x, float inverse, Span<byte> codes)
        where T : struct, ILanes<T>
    {
        var (zero, inverses) = (T.Broadcast(0), T.Broadcast(inverse));
        for (var i = 0; i < x.Length; i += T.Count)
        {
            var scaled = T.Load(x[i..]) * inverses;
            (scaled + T.SelectGreater(zero, scaled, T.Broadcast(-AlmostHalf), T.Broadcast(AlmostHalf))).StoreBytes(codes[i..]);
        }
    }
}
