using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ2_XXS: super-blocks of 256 in 66 bytes: f16 d, then for each 32 weights four 8-bit points and a word of four times 7 signs and a 4-bit scale;
/// y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_xxs).
/// </summary>
internal sealed class IQ2_XXSCodec : IBlockDecoder
{
    private const int Bytes = 66;
    private const int PointsAt = 2;
    private const int SubLength = 32;

    public GgmlType Type => GgmlType.IQ2_XXS;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var sub = 0; sub < Block.SuperLength / SubLength; sub++)
            {
                var points = source.Slice(PointsAt + (8 * sub), 4);
                var word = BinaryPrimitives.ReadUInt32LittleEndian(source[(PointsAt + (8 * sub) + 4)..]);
                var step = d * (0.5f + (word >> 28)) * 0.25f;
                for (var i = 0; i < 4; i++)
                    SignedPoints.Decode8(CodebookPoints.IQ2_XXS[points[i]], step, SignedPoints.EvenSigns(word >> (7 * i)), destination.Slice((SubLength * sub) + (8 * i), 8));
            }
        }
    }
}
