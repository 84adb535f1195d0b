using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// ggml's roundings. They are spelled out because C leaves the odd cases (a block so small that 1/d is infinite) to the processor: what
/// x86-64 does is what published files hold, and what every machine shall write.
/// </summary>
internal static class Rounding
{
    /// <summary>Blocks of K types with no weight above this are zero (GROUP_MAX_EPS).</summary>
    public const float GroupMaxEpsilon = 1e-15f;

    /// <summary>Adding it to a float of less than 2^22 leaves the nearest integer, ties to even, in the low mantissa bits.</summary>
    public const float NearestMagic = 12_582_912f;

    /// <summary>The bits of a float that are its mantissa.</summary>
    public const uint MantissaMask = 0x007F_FFFF;

    /// <summary>The other bits of <see cref="NearestMagic"/>.</summary>
    public const uint MagicExponent = 0x4B00_0000;

    /// <summary>C's <c>(int)value</c> as x86-64's cvttss2si does it: 0x80000000 for whatever does not fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Truncate(float value) => value is >= -2147483648f and < 2147483648f ? (int)value : int.MinValue;

    /// <summary>ggml's <c>nearest_int</c>: half to even, by the magic number, garbage beyond 2^22 included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest(float value) => (int)(BitConverter.SingleToUInt32Bits(value + NearestMagic) & MantissaMask) - 0x0040_0000;

    /// <summary>The same of four numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Nearest(Vector128<float> values)
        => (((values + Vector128.Create(NearestMagic)).AsUInt32() & Vector128.Create(MantissaMask)) - Vector128.Create(0x0040_0000u)).AsInt32();

    /// <summary>The same of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Nearest(Vector256<float> values)
        => (((values + Vector256.Create(NearestMagic)).AsUInt32() & Vector256.Create(MantissaMask)) - Vector256.Create(0x0040_0000u)).AsInt32();

    /// <summary>ggml's <c>d ? 1/d : 0</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Inverse(float scale) => scale != 0 ? 1.0f / scale : 0.0f;
}
