using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>The codes of a sub-block once its scale is known; ggml's rounding by the bits, garbage beyond 2^22 included.</summary>
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
        var (offsets, steps) = (Vector128.Create(offset), Vector128.Create(step));
        var (low, high) = (Vector128.Create(least), Vector128.Create(maximum));
        var vectors = MemoryMarshal.Cast<float, Vector128<float>>(x);
        var bytes = MemoryMarshal.Cast<byte, Vector128<byte>>(codes);
        for (var i = 0; i + 3 < vectors.Length; i += 4)
        {
            bytes[i / 4] = Narrow(
                Round((vectors[i] + offsets) / steps, low, high),
                Round((vectors[i + 1] + offsets) / steps, low, high),
                Round((vectors[i + 2] + offsets) / steps, low, high),
                Round((vectors[i + 3] + offsets) / steps, low, high));
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
        var (origins, inverses) = (Vector128.Create(origin), Vector128.Create(inverse));
        var (low, high) = (Vector128<int>.Zero, Vector128.Create(maximum));
        var vectors = MemoryMarshal.Cast<float, Vector128<float>>(x);
        var bytes = MemoryMarshal.Cast<byte, Vector128<byte>>(codes);
        for (var i = 0; i + 3 < vectors.Length; i += 4)
        {
            bytes[i / 4] = Narrow(
                Round(inverses * (vectors[i] - origins), low, high),
                Round(inverses * (vectors[i + 1] - origins), low, high),
                Round(inverses * (vectors[i + 2] - origins), low, high),
                Round(inverses * (vectors[i + 3] - origins), low, high));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Round(Vector128<float> value, Vector128<int> low, Vector128<int> high)
    {
        var bits = (value + Vector128.Create(Rounding.NearestMagic)).AsInt32() & Vector128.Create(0x007F_FFFF);
        return Vector128.Max(Vector128.Min(bits - Vector128.Create(0x0040_0000), high), low) - low;
    }

    /// <summary>Sixteen numbers of 0 … 255 as bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Narrow(Vector128<int> first, Vector128<int> second, Vector128<int> third, Vector128<int> fourth)
        => Vector128.Narrow(Vector128.Narrow(first, second).AsUInt16(), Vector128.Narrow(third, fourth).AsUInt16());
}
