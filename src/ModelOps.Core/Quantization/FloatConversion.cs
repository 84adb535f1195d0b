using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>F32 from and to the 16-bit number types, rounding as ggml does: to nearest even, NaN made quiet.</summary>
internal static class FloatConversion
{
    /// <summary>ggml_compute_fp32_to_bf16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToBF16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x7FFF_FFFF) > 0x7F80_0000
            ? (ushort)((bits >> 16) | 64)
            : (ushort)(unchecked(bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromBF16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>ggml_compute_fp32_to_fp16: NaN loses its payload.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ToF16(float value)
        => float.IsNaN(value) ? (ushort)((BitConverter.SingleToUInt32Bits(value) >> 16 & 0x8000) | 0x7E00) : BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>Exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float FromF16(ushort bits) => (float)BitConverter.UInt16BitsToHalf(bits);

    /// <summary>Narrows a row to BF16.</summary>
    public static void ToBF16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var i = 0;
        var bits = MemoryMarshal.Cast<float, uint>(source);
        for (; Vector256.IsHardwareAccelerated && i <= source.Length - 16; i += 16)
        {
            var low = RoundToBF16(Vector256.Create(bits.Slice(i, 8)));
            var high = RoundToBF16(Vector256.Create(bits.Slice(i + 8, 8)));
            Vector256.Narrow(low, high).CopyTo(destination[i..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = ToBF16(source[i]);
        }
    }

    /// <summary>Widens a row of BF16.</summary>
    public static void FromBF16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var i = 0;
        var bits = MemoryMarshal.Cast<float, uint>(destination);
        for (; Vector256.IsHardwareAccelerated && i <= source.Length - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source.Slice(i, 16)));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + 8)..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = FromBF16(source[i]);
        }
    }

    /// <summary>Narrows a row to F16.</summary>
    public static void ToF16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        var i = 0;
        for (; Vector256.IsHardwareAccelerated && i <= source.Length - 16; i += 16)
        {
            Vector256.Narrow(RoundToF16(Vector256.Create(source.Slice(i, 8))), RoundToF16(Vector256.Create(source.Slice(i + 8, 8)))).CopyTo(destination[i..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = ToF16(source[i]);
        }
    }

    /// <summary>Widens a row of F16.</summary>
    public static void FromF16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var i = 0;
        for (; Vector256.IsHardwareAccelerated && i <= source.Length - 16; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source.Slice(i, 16)));
            WidenF16(low).CopyTo(destination[i..]);
            WidenF16(high).CopyTo(destination[(i + 8)..]);
        }
        for (; i < source.Length; i++)
        {
            destination[i] = FromF16(source[i]);
        }
    }

    private static Vector256<uint> RoundToBF16(Vector256<uint> bits)
    {
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        var isNaN = Vector256.GreaterThan(bits & Vector256.Create(0x7FFF_FFFFu), Vector256.Create(0x7F80_0000u));
        return Vector256.ConditionalSelect(isNaN, bits | Vector256.Create(64u << 16), rounded) >> 16;
    }

    // ggml_compute_fp32_to_fp16, lane by lane: an addition of a power of two chosen by the exponent lets the float unit do the rounding.
    private static Vector256<uint> RoundToF16(Vector256<float> value)
    {
        var word = value.AsUInt32();
        var twice = word + word;
        var bias = Vector256.Max(twice & Vector256.Create(0xFF00_0000u), Vector256.Create(0x7100_0000u));
        var scaled = Vector256.Abs(value) * Vector256.Create(5192296858534827628530496329220096f) * Vector256.Create(7.70371977754894341222391177033970e-34f);
        var bits = ((((bias >> 1) + Vector256.Create(0x0780_0000u)).AsSingle()) + scaled).AsUInt32();
        var magnitude = ((bits >> 13) & Vector256.Create(0x7C00u)) + (bits & Vector256.Create(0x0FFFu));
        var isNaN = Vector256.GreaterThan(twice, Vector256.Create(0xFF00_0000u));
        return ((word & Vector256.Create(0x8000_0000u)) >> 16) | Vector256.ConditionalSelect(isNaN, Vector256.Create(0x7E00u), magnitude);
    }

    // ggml_compute_fp16_to_fp32, lane by lane.
    private static Vector256<float> WidenF16(Vector256<uint> half)
    {
        var word = half << 16;
        var twice = word + word;
        var normal = ((twice >> 4) + Vector256.Create(0xE0u << 23)).AsSingle() * Vector256.Create(1.92592994438723585305597794258492732e-34f);
        var subnormal = ((twice >> 17) | Vector256.Create(126u << 23)).AsSingle() - Vector256.Create(0.5f);
        var isSubnormal = Vector256.LessThan(twice, Vector256.Create(1u << 27));
        return ((word & Vector256.Create(0x8000_0000u)) | Vector256.ConditionalSelect(isSubnormal, subnormal.AsUInt32(), normal.AsUInt32())).AsSingle();
    }
}
