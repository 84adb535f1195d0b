using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ2_XXS: super-blocks of 256 in 66 bytes: f16 d, then for each 32 weights four 8-bit points and a word of four times 7 signs and a 4-bit scale;
/// y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_xxs, quantize_row_iq2_xxs_impl).
/// </summary>
internal sealed class IQ2_XXSCodec() : PointCodec(Format)
{
    private const int Bytes = 66;
    private const int PointsAt = 2;
    private const int SubLength = 32;

    private static readonly PointFormat Format = new()
    {
        Codebook = Codebook.IQ2_XXS,
        BlockBytes = Bytes,
        SubLength = SubLength,
        HasEvenSigns = true,
        Epsilon = Rounding.GroupMaxEpsilon,
        Tries = 6,
        StepWidth = 0.1f,
        Rerounding = Rerounding.All,
        MeanFactor = 1,
        BeginsWithPlainScale = true,
    };

    public override GgmlType Type => GgmlType.IQ2_XXS;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
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

    protected override void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs)
    {
        var word = 0u;
        for (var i = 0; i < indices.Length; i++)
        {
            block[PointsAt + (8 * subBlock) + i] = (byte)indices[i];
            word |= (signs[i] & 127u) << (7 * i);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(block[(PointsAt + (8 * subBlock) + 4)..], word);
    }

    protected override void WriteScale(Span<byte> block, int subBlock, int scale) => block[PointsAt + (8 * subBlock) + 7] |= (byte)(scale << 4);
}
