using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ3_XXS: super-blocks of 256 in 98 bytes: f16 d, qs[64] with an 8-bit point for 4 weights each, then for each 32 weights a word of four
/// times 7 signs and a 4-bit scale; y = d · (scale + ½) / 2 · magnitude (dequantize_row_iq3_xxs, quantize_row_iq3_xxs_impl).
/// </summary>
internal sealed class IQ3_XXSCodec() : PointCodec(Format), IImportanceCodec
{
    private const int Bytes = 98;
    private const int PointsAt = 2;
    private const int WordsAt = 66;
    private const int SubLength = 32;

    private static readonly PointFormat Format = new()
    {
        Codebook = Codebook.IQ3_XXS,
        BlockBytes = Bytes,
        SubLength = SubLength,
        HasEvenSigns = true,
        Epsilon = 1e-8f,
        Tries = 15,
        StepWidth = 0.2f,
        Rerounding = Rerounding.OffGrid,
        MeanFactor = 2,
        Correction = 1.0125f,
    };

    public override GgmlType Type => GgmlType.IQ3_XXS;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => Encode(source, default, destination);

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var sub = 0; sub < Block.SuperLength / SubLength; sub++)
            {
                var points = source.Slice(PointsAt + (8 * sub), 8);
                var word = BinaryPrimitives.ReadUInt32LittleEndian(source[(WordsAt + (4 * sub))..]);
                var step = d * (0.5f + (word >> 28)) * 0.5f;
                for (var i = 0; i < 8; i++)
                {
                    var signs = SignedPoints.EvenSigns(word >> (i / 2 * 7)) >> (4 * (i % 2));
                    SignedPoints.Decode4(CodebookPoints.IQ3_XXS[points[i]], SignedPoints.Magnitudes3, step, signs, destination.Slice((SubLength * sub) + (4 * i), 4));
                }
            }
        }
    }

    protected override void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs)
    {
        for (var i = 0; i < indices.Length; i++)
            block[PointsAt + (8 * subBlock) + i] = (byte)indices[i];
        var word = 0u;
        for (var i = 0; i < signs.Length; i++)
            word |= (signs[i] & 127u) << (7 * i);
        BinaryPrimitives.WriteUInt32LittleEndian(block[(WordsAt + (4 * subBlock))..], word);
    }

    protected override void WriteScale(Span<byte> block, int subBlock, int scale) => block[WordsAt + (4 * subBlock) + 3] |= (byte)(scale << 4);
}
