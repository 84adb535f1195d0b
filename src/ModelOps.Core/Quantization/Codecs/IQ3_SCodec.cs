namespace ModelOps.Quantization;

/// <summary>
/// IQ3_S: super-blocks of 256 in 110 bytes, 8 sub-blocks of 32: f16 d, for 4 weights each the low byte of a 9-bit point in qs[64] and its
/// upper bit in qh[8], signs[32], scales[4] with two of 4 bits; y = d · (2 · scale + 1) · magnitude (dequantize_row_iq3_s, quantize_row_iq3_s_impl).
/// </summary>
internal sealed class IQ3_SCodec() : PointCodec(Format), IImportanceCodec
{
    private const int Bytes = 110;
    private const int PointsAt = 2;
    private const int HighAt = 66;
    private const int SignsAt = 74;
    private const int ScalesAt = 106;

    private static readonly PointFormat Format = new()
    {
        Codebook = Codebook.IQ3_S,
        BlockBytes = Bytes,
        SubLength = 32,
        HasEvenSigns = false,
        Epsilon = float.Epsilon,
        Tries = 9,
        StepWidth = 0.2f,
        Rerounding = Rerounding.AllIfOffGrid,
        MeanFactor = 2,
        Correction = 1.033f,
    };

    public override GgmlType Type => GgmlType.IQ3_S;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination) => Encode(source, default, destination);

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            for (var i = 0; i < Block.SuperLength / 4; i++)
            {
                var index = source[PointsAt + i] | (source[HighAt + (i / 8)] >> (i % 8) & 1) << 8;
                var step = d * (1 + (2 * NibbleScales.Read(source[ScalesAt..], i / 8)));
                var signs = source[SignsAt + (i / 2)] >> (4 * (i % 2));
                SignedPoints.Decode4(CodebookPoints.IQ3_S[index], SignedPoints.OddMagnitudes, step, signs, destination.Slice(4 * i, 4));
            }
        }
    }

    // ggml does not step over the place of a sub-block of zeros: what follows it in the super-block moves there, and is read for it. So do we.
    protected override void Write(Span<byte> block, int subBlock, int written, ReadOnlySpan<int> indices, ReadOnlySpan<byte> signs)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            block[PointsAt + (8 * written) + i] = (byte)indices[i];
            block[HighAt + subBlock] |= (byte)(indices[i] >> 8 << i);
        }
        signs.CopyTo(block[(SignsAt + (4 * written))..]);
    }

    protected override void WriteScale(Span<byte> block, int subBlock, int scale) => NibbleScales.Write(block[ScalesAt..], subBlock, scale);
}
