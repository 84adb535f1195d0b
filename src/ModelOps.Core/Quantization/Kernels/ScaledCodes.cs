using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Codes back to weights: what most decoders come down to.</summary>
internal static class ScaledCodes
{
    /// <summary>Each of 16 codes times the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(Vector128<sbyte> codes, float scale, Span<float> destination)
    {
        var (low, high) = Widen(codes);
        (low * scale).CopyTo(destination);
        (high * scale).CopyTo(destination[8..]);
    }

    /// <summary>The same plus an offset, rounded in between.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(Vector128<byte> codes, float scale, float offset, Span<float> destination)
    {
        var (low, high) = Widen(codes.AsSByte());
        ((low * scale) + Vector256.Create(offset)).CopyTo(destination);
        ((high * scale) + Vector256.Create(offset)).CopyTo(destination[8..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Low, Vector256<float> High) Widen(Vector128<sbyte> codes)
    {
        var (low, high) = Vector256.Widen(Vector256.WidenLower(codes.ToVector256Unsafe()));
        return (Vector256.ConvertToSingle(low), Vector256.ConvertToSingle(high));
    }
}
