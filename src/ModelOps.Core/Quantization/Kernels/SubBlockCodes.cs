using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>The codes of a sub-block once its stored scale is known.</summary>
internal static class SubBlockCodes
{
    /// <summary>
    /// <c>nearest_int((x + offset) / step)</c>, cut to 0 … <paramref name="maximum"/>; ggml's rounding by the bits, garbage beyond 2^22 included.
    /// </summary>
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
        for (var i = 0; i < vectors.Length; i += 4)
        {
            var first = Vector128.Narrow(Round(vectors[i]), Round(vectors[i + 1]));
            var second = Vector128.Narrow(Round(vectors[i + 2]), Round(vectors[i + 3]));
            bytes[i / 4] = Vector128.Narrow(first.AsUInt16(), second.AsUInt16());
        }

        Vector128<int> Round(Vector128<float> value)
        {
            var bits = (((value + offsets) / steps) + Vector128.Create(Rounding.NearestMagic)).AsInt32() & Vector128.Create(0x007F_FFFF);
            return Vector128.Max(Vector128.Min(bits - Vector128.Create(0x0040_0000), high), low) - low;
        }
    }
}
