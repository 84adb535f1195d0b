using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ1_S: super-blocks of 256 in 50 bytes, 8 sub-blocks of 32: f16 d, the low bytes of 11-bit points for 8 weights each in qs[32], and in
/// u16 qh[8] their upper 3 bits, a 3-bit scale and which way the codes are moved; y = d · (2 · scale + 1) · (code ± ⅛) (dequantize_row_iq1_s).
/// </summary>
internal sealed class IQ1_SCodec : IBlockDecoder
{
    private const int Bytes = 50;
    private const int PointsAt = 2;
    private const int HighAt = 34;
    private const int SubLength = 32;

    public GgmlType Type => GgmlType.IQ1_S;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var sub = 0; sub < Block.SuperLength / SubLength; sub++)
            {
                var high = BinaryPrimitives.ReadUInt16LittleEndian(source[(HighAt + (2 * sub))..]);
                var step = d * ((2 * (high >> 12 & 7)) + 1);
                var shift = (high & 0x8000) == 0 ? TernaryPoints.Shift : -TernaryPoints.Shift;
                for (var i = 0; i < 4; i++)
                {
                    var index = source[PointsAt + (4 * sub) + i] | (high >> (3 * i) & 7) << 8;
                    TernaryPoints.Decode(CodebookPoints.IQ1[index], step, shift, destination.Slice((SubLength * sub) + (8 * i), 8));
                }
            }
        }
    }
}
