using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_M: super-blocks of 256 in 56 bytes, 16 sub-blocks of 16: for 8 weights each the low byte of an 11-bit point in qs[32], in a nibble of
/// qh[16] its upper 3 bits and which way the codes are moved; u16 scales[4] with four 3-bit scales and 4 bits of the f16 d each;
/// y = d · (2 · scale + 1) · (code ± ⅛) (dequantize_row_iq1_m).
/// </summary>
internal sealed class IQ1_MCodec : IBlockDecoder
{
    private const int Bytes = 56;
    private const int HighAt = 32;
    private const int ScalesAt = 48;

    public GgmlType Type => GgmlType.IQ1_M;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var scales = BinaryPrimitives.ReadUInt64LittleEndian(source[ScalesAt..]);
            var d = FloatConversion.FromF16((ushort)((scales >> 12 & 0x000F) | (scales >> 24 & 0x00F0) | (scales >> 36 & 0x0F00) | (scales >> 48 & 0xF000)));
            for (var i = 0; i < Block.SuperLength / 8; i++)
            {
                var high = source[HighAt + (i / 2)] >> (4 * (i % 2));
                var scale = (int)(scales >> ((i / 8 * 16) + (i / 2 % 4 * 3))) & 7;
                var shift = (high & 8) == 0 ? TernaryPoints.Shift : -TernaryPoints.Shift;
                TernaryPoints.Decode(CodebookPoints.IQ1[source[i] | (high & 7) << 8], d * ((2 * scale) + 1), shift, destination.Slice(8 * i, 8));
            }
        }
    }
}
