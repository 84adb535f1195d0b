using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>The number types that weights are stored as in a checkpoint, to F32 and back to their bits.</summary>
internal static class WeightReader
{
    /// <summary>Weights that are compared at once: rounded, they stay in the first cache.</summary>
    private const int Tile = 1024;

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
            case SafetensorsType.F16 when BitConverter.IsLittleEndian:
                FloatConversion.FromF16(MemoryMarshal.Cast<byte, ushort>(source), destination);
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
        Span<ushort> expected = stackalloc ushort[Tile];
        Span<ushort> actual = stackalloc ushort[Tile];
        var exact = 0L;
        for (int length; !original.IsEmpty; original = original[length..], decoded = decoded[length..])
        {
            length = Math.Min(Tile, original.Length);
            switch (type)
            {
                case SafetensorsType.BF16:
                    FloatConversion.ToBF16(original[..length], expected);
                    FloatConversion.ToBF16(decoded[..length], actual);
                    break;
                case SafetensorsType.F16:
                    FloatConversion.ToF16(original[..length], expected);
                    FloatConversion.ToF16(decoded[..length], actual);
                    break;
                default:
                    exact += CountSame(MemoryMarshal.Cast<float, uint>(original[..length]), MemoryMarshal.Cast<float, uint>(decoded[..length]), 0x7FFF_FFFFu);
                    continue;
            }
            exact += CountSame<ushort>(expected[..length], actual[..length], 0x7FFF);
        }
        return exact;
    }

    /// <summary>How many of at most <see cref="Tile"/> numbers have the same bits, or are both zero but for their sign.</summary>
    private static long CountSame<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, T magnitude)
        where T : unmanaged, IBinaryInteger<T>
    {
        // A lane counts down by one for each that is the same: no more than a tile has.
        var counts = Vector256<T>.Zero;
        var i = 0;
        for (; Vector256.IsHardwareAccelerated && i <= expected.Length - Vector256<T>.Count; i += Vector256<T>.Count)
        {
            var (x, y) = (Vector256.Create(expected[i..]), Vector256.Create(actual[i..]));
            counts -= Vector256.Equals(x, y) | Vector256.Equals((x | y) & Vector256.Create(magnitude), Vector256<T>.Zero);
        }
        var same = long.CreateTruncating(Vector256.Sum(counts));
        for (; i < expected.Length; i++)
        {
            if (expected[i] == actual[i] || ((expected[i] | actual[i]) & magnitude) == T.Zero)
                same++;
        }
        return same;
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
