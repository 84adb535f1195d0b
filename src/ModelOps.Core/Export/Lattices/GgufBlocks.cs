using System.Buffers.Binary;

namespace ModelOps.Export;

/// <summary>ggml's simplest blocks of 32 taken apart into codes from 0 and their scale and offset (ggml-quants.c, dequantize_row_q*).</summary>
internal static class GgufBlocks
{
    public const int Length = 32;

    private const int Half = Length / 2;

    /// <summary>Bits of a code of a type, and whether its offset is a bias; null for a type that is no such block.</summary>
    public static (int Bits, bool IsBiased)? Kind(GgmlType type) => type switch
    {
        GgmlType.Q4_0 => (4, false),
        GgmlType.Q4_1 => (4, true),
        GgmlType.Q5_0 => (5, false),
        GgmlType.Q5_1 => (5, true),
        GgmlType.Q8_0 => (8, false),
        _ => null,
    };

    /// <summary>Takes a block apart; its offset is a bias, or the code of zero.</summary>
    public static (float Scale, float Offset) Read(GgmlType type, ReadOnlySpan<byte> block, Span<short> codes)
    {
        var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        switch (type)
        {
            case GgmlType.Q4_0:
                return (ReadQ4_0(block, codes), 8);
            case GgmlType.Q4_1:
                ReadNibbles(block[4..], codes);
                return (scale, (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]));
            case GgmlType.Q5_0:
                ReadNibbles(block[6..], codes);
                AddFifthBits(BinaryPrimitives.ReadUInt32LittleEndian(block[2..]), codes);
                return (scale, 16);
            case GgmlType.Q5_1:
                ReadNibbles(block[8..], codes);
                AddFifthBits(BinaryPrimitives.ReadUInt32LittleEndian(block[4..]), codes);
                return (scale, (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]));
            case GgmlType.Q8_0:
                for (var i = 0; i < Length; i++)
                    codes[i] = (short)((sbyte)block[2 + i] + 128);
                return (scale, 128);
            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    /// <summary>The scale and codes of a Q4_0 block; the code 8 is zero.</summary>
    public static float ReadQ4_0(ReadOnlySpan<byte> block, Span<short> codes)
    {
        ReadNibbles(block[2..], codes);
        return (float)BinaryPrimitives.ReadHalfLittleEndian(block);
    }

    private static void ReadNibbles(ReadOnlySpan<byte> nibbles, Span<short> codes)
    {
        for (var i = 0; i < Half; i++)
        {
            codes[i] = (short)(nibbles[i] & 0xF);
            codes[i + Half] = (short)(nibbles[i] >> 4);
        }
    }

    private static void AddFifthBits(uint bits, Span<short> codes)
    {
        for (var i = 0; i < Length; i++)
            codes[i] |= (short)((bits >> i & 1) << 4);
    }
}
