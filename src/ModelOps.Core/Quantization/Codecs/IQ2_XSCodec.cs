using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ2_XS: super-blocks of 256 in 74 bytes, 16 sub-blocks of 16: f16 d, u16 qs[32] with a 9-bit point and 7 signs for 8 weights each,
/// scales[8] with two of 4 bits; y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_xs).
/// </summary>
internal sealed class IQ2_XSCodec : IBlockDecoder
{
    private const int Bytes = 74;
    private const int PointsAt = 2;
    private const int ScalesAt = 66;

    public GgmlType Type => GgmlType.IQ2_XS;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var i = 0; i < Block.SuperLength / 8; i++)
            {
                var word = BinaryPrimitives.ReadUInt16LittleEndian(source[(PointsAt + (2 * i))..]);
                var step = d * (0.5f + NibbleScales.Read(source[ScalesAt..], i / 2)) * 0.25f;
                SignedPoints.Decode8(CodebookPoints.IQ2_XS[word & 511], step, SignedPoints.EvenSigns((uint)word >> 9), destination.Slice(8 * i, 8));
            }
        }
    }
}
