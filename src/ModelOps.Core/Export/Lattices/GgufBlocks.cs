using System.Buffers.Binary;
using ModelOps.Quantization;

namespace ModelOps.Export;

/// <summary>ggml's simplest blocks of 32 taken apart into codes from 0 and their scale and offset (ggml-quants.c, dequantize_row_q*).</summary>
internal static class GgufBlocks
{
    public const int Length = 32;

    private const int Half = Length / 2;

    /// <summary>The lattice of a type; null for one that has no such blocks.</summary>
    public static BlockLattice? Of(GgmlType type) => BlockLattice.Of(type) is { BlockLength: Length } lattice ? lattice : null;

    /// <summary>Takes a block apart; its offset is a bias, or the code of zero.</summary>
    public static (float Scale, float Offset) Read(BlockLattice lattice, ReadOnlySpan<byte> block, Span<short> codes)
    {
        const int HalfBytes = 2;
        var data = block[(lattice.HasMinimum ? 2 * HalfBytes : HalfBytes)..];
        switch (lattice.Bits)
        {
            case 4:
                ReadNibbles(data, codes);
                break;
            case 5:
                ReadNibbles(data[sizeof(uint)..], codes);
                AddFifthBits(BinaryPrimitives.ReadUInt32LittleEndian(data), codes);
                break;
            default:
                for (var i = 0; i < Length; i++)
                    codes[i] = (short)((sbyte)data[i] - lattice.Least);
                break;
        }
        return ((float)BinaryPrimitives.ReadHalfLittleEndian(block), lattice.HasMinimum ? (float)BinaryPrimitives.ReadHalfLittleEndian(block[HalfBytes..]) : -lattice.Least);
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
