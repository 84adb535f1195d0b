using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelOps.Quantization;

/// <summary>The codes of a sub-block once its scale is known, as many weights at once as the processor has lanes.</summary>
internal static class SubBlockCodes
{
    /// <summary><c>nearest_int((x + offset) / step)</c>, cut to <paramref name="least"/> … <paramref name="maximum"/>.</summary>
    /// <param name="x">A multiple of 16 weights.</param>
    /// <param name="offset">Added to each; 0 for the types without a minimum.</param>
    /// <param name="step">Divides each.</param>
    /// <param name="least">The least code, 0 or negative; codes are stored less this.</param>
    /// <param name="maximum">The largest code.</param>
    /// <param name="codes">One byte each.</param>
    public static void Encode(ReadOnlySpan<float> x, float offset, float step, int least, int maximum, Span<byte> codes)
    {
        switch (LaneWidth.Widest)
        {
            case 16:
                Encode<Lanes16>(x, offset, step, least, maximum, codes);
                break;
            case 8:
                Encode<Lanes8>(x, offset, step, least, maximum, codes);
                break;
            default:
                Encode<Lanes1>(x, offset, step, least, maximum, codes);
                break;
        }
    }

    /// <summary><c>nearest_int(inverse · (x − origin))</c>, cut to 0 … <paramref name="maximum"/>: the codes that a search has fitted to.</summary>
    /// <param name="x">A multiple of 16 weights.</param>
    /// <param name="origin">Subtracted from each.</param>
    /// <param name="inverse">Multiplies each.</param>
    /// <param name="maximum">The largest code.</param>
    /// <param name="codes">One byte each.</param>
    public static void EncodeFitted(ReadOnlySpan<float> x, float origin, float inverse, int maximum, Span<byte> codes)
    {
        switch (LaneWidth.Widest)
        {
            case 16:
                EncodeFitted<Lanes16>(x, origin, inverse, maximum, codes);
                break;
            case 8:
                EncodeFitted<Lanes8>(x, origin, inverse, maximum, codes);
                break;
            default:
                EncodeFitted<Lanes1>(x, origin, inverse, maximum, codes);
                break;
        }
    }

    private static void Encode<T>(ReadOnlySpan<float> x, float offset, float step, int least, int maximum, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var (offsets, steps, low, high) = (T.Broadcast(offset), T.Broadcast(step), T.Broadcast(least), T.Broadcast(maximum));
        var rows = MemoryMarshal.Cast<float, T>(x);
        for (var i = 0; i < rows.Length; i++)
            (Cut(T.NearestOfAny((rows[i] + offsets) / steps), low, high) - low).StoreBytes(codes[(i * T.Count)..]);
    }

    private static void EncodeFitted<T>(ReadOnlySpan<float> x, float origin, float inverse, int maximum, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var (origins, inverses, low, high) = (T.Broadcast(origin), T.Broadcast(inverse), T.Broadcast(0), T.Broadcast(maximum));
        var rows = MemoryMarshal.Cast<float, T>(x);
        for (var i = 0; i < rows.Length; i++)
            Cut(T.NearestOfAny(inverses * (rows[i] - origins)), low, high).StoreBytes(codes[(i * T.Count)..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Cut<T>(T codes, T low, T high)
        where T : struct, ILanes<T>
        => T.Max(T.Min(codes, high), low);
}
