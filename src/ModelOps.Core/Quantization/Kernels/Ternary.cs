using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Weights as −1, 0 or 1 times the largest magnitude, stored plus one.</summary>
internal static class Ternary
{
    /// <summary>The largest magnitude; <paramref name="codes"/> gets one byte a weight, of a multiple of 32.</summary>
    public static float Encode(ReadOnlySpan<float> x, Span<byte> codes)
    {
        var scale = Block.Magnitude(x);
        BlockCodes.Round(x, Rounding.Inverse(scale), codes);
        for (var i = 0; i < x.Length; i += 32)
            ((Vector256.Create(codes[i..]) + Vector256<byte>.One) & Vector256.Create((byte)3)).CopyTo(codes[i..]);
        return scale;
    }

    /// <summary>16 weights again.</summary>
    public static void Decode(Vector128<byte> codes, float scale, Span<float> destination) => ScaledCodes.Write(codes.AsSByte() - Vector128<sbyte>.One, scale, destination);
}
