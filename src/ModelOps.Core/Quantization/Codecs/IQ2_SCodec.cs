namespace ModelOps.Quantization;

/// <summary>
/// IQ2_S: super-blocks of 256 in 82 bytes, 16 sub-blocks of 16: f16 d, for 8 weights each the low byte of a 10-bit point in qs[32] and its
/// signs in signs[32], the points' upper 2 bits in qh[8], scales[8] with two of 4 bits; y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_s, quantize_row_iq2_s_impl).
/// </summary>
internal sealed class IQ2_SCodec() : PointCodec(Format), IImportanceCodec
{
    private const int Bytes = 82;
    private const int PointsAt = 2;
    private const int SignsAt = 34;
    private const int HighAt = 66;
    private const int ScalesAt = 74;

    private static readonly PointFormat Format = new()
    {
        Codebook = Codebook.IQ2_S,
        BlockBytes = Bytes,
        SubLength = 16,
        HasEvenSigns = false,
        Epsilon = 1e-8f,
        Tries = 9,
        StepWidth = 0.1f,
        Rerounding = Rerounding.OffGrid,
        MeanFactor = 2,
        MeanShare = 0.25f,
        Correction = 0.9875f,
    };

    public override GgmlType Type => GgmlType.IQ2_S;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => Encode(source, default, destination);

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var i = 0; i < Block.SuperLength / 8; i++)
            {
                var index = source[PointsAt + i] | (source[HighAt + (i / 4)] >> (2 * (i % 4)) & 3) << 8;
                var step = d * (0.5f + NibbleScales.Read(source[ScalesAt..], i / 2)) * 0.25f;
                SignedPoints.Decode8(CodebookPoints.IQ2_S[index], step, source[SignsAt + i], destination.Slice(8 * i, 8));
            }
        }
    }

    protected override void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            var at = (2 * subBlock) + i;
            block[PointsAt + at] = (byte)indices[i];
            block[HighAt + (at / 4)] |= (byte)(indices[i] >> 8 << (2 * (at % 4)));
            block[SignsAt + at] = signs[i];
        }
    }

    protected override void WriteScale(Span<byte> block, int subBlock, int scale) => NibbleScales.Write(block[ScalesAt..], subBlock, scale);
}
