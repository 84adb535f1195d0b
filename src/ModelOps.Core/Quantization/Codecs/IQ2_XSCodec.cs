using System.Buffers.Binary;

namespace ModelOps.Quantization;

/// <summary>
/// IQ2_XS: super-blocks of 256 in 74 bytes, 16 sub-blocks of 16: f16 d, u16 qs[32] with a 9-bit point and 7 signs for 8 weights each,
/// scales[8] with two of 4 bits; y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_xs, quantize_row_iq2_xs_impl).
/// </summary>
internal sealed class IQ2_XSCodec() : PointCodec(Format)
{
    private const int Bytes = 74;
    private const int PointsAt = 2;
    private const int ScalesAt = 66;

    private static readonly PointFormat Format = new()
    {
        Codebook = Codebook.IQ2_XS,
        BlockBytes = Bytes,
        SubLength = 16,
        HasEvenSigns = true,
        Epsilon = Rounding.GroupMaxEpsilon,
        Tries = 9,
        StepWidth = 0.1f,
        Rerounding = Rerounding.OffGrid,
        MeanFactor = 1,
    };

    public override GgmlType Type => GgmlType.IQ2_XS;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
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

    protected override void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs)
    {
        for (var i = 0; i < indices.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(block[(PointsAt + (4 * subBlock) + (2 * i))..], (ushort)(indices[i] | (signs[i] & 127) << 9));
    }

    protected override void WriteScale(Span<byte> block, int subBlock, int scale) => NibbleScales.Write(block[ScalesAt..], subBlock, scale);
}
