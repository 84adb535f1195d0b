using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>The number types that weights are stored as in a checkpoint, to F32 and back to their bits.</summary>
internal static class WeightReader
{
    public static bool CanRead(SafetensorsType type) => type is SafetensorsType.F64 or SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16;

    /// <summary>Bytes of one weight.</summary>
    public static int Bytes(SafetensorsType type) => type switch
    {
        SafetensorsType.F64 => 8,
        SafetensorsType.F32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>The ggml type of the same bytes; null when ggml has none that GGUF's weights use.</summary>
    public static GgmlType? NativeType(SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => GgmlType.F32,
        SafetensorsType.F16 => GgmlType.F16,
        SafetensorsType.BF16 => GgmlType.BF16,
        _ => null,
    };

    /// <summary>Little-endian bytes to F32; only F64 loses anything.</summary>
    public static void ToSingle(SafetensorsType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case SafetensorsType.BF16 when BitConverter.IsLittleEndian:
                FloatConversion.FromBF16(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case SafetensorsType.F32 when BitConverter.IsLittleEndian:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            default:
                for (var i = 0; i < destination.Length; i++)
                    destination[i] = ReadOne(type, source, i);
                break;
        }
    }

    /// <summary>
    /// How many weights of <paramref name="decoded"/> have, rounded to <paramref name="type"/>, the very bits of <paramref name="original"/>
    /// rounded likewise. The two zeros count as one: block formats have no negative zero, and no product or sum tells them apart.
    /// </summary>
    public static long CountExact(SafetensorsType type, ReadOnlySpan<float> original, ReadOnlySpan<float> decoded)
    {
        var exact = 0L;
        for (var i = 0; i < original.Length; i++)
        {
            if (Bits(type, original[i]) == Bits(type, decoded[i]))
                exact++;
        }
        return exact;
    }

    private static uint Bits(SafetensorsType type, float value)
    {
        if (value == 0)
            return 0;
        var bits = type switch
        {
            SafetensorsType.BF16 => FloatConversion.ToBF16(value),
            SafetensorsType.F16 => FloatConversion.ToF16(value),
            _ => BitConverter.SingleToUInt32Bits(value),
        };
        // A value too small for the type has rounded to a zero, which may carry a sign.
        return type is SafetensorsType.BF16 or SafetensorsType.F16 && (bits & 0x7FFF) == 0 ? 0 : bits;
    }

    private static float ReadOne(SafetensorsType type, ReadOnlySpan<byte> source, int index) => type switch
    {
        SafetensorsType.F64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(source[(index * 8)..]),
        SafetensorsType.F32 => BinaryPrimitives.ReadSingleLittleEndian(source[(index * 4)..]),
        SafetensorsType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(source[(index * 2)..]),
        SafetensorsType.BF16 => FloatConversion.FromBF16(BinaryPrimitives.ReadUInt16LittleEndian(source[(index * 2)..])),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
