namespace ModelOps.Quantization;

/// <summary>
/// IQ2_S: super-blocks of 256 in 82 bytes, 16 sub-blocks of 16: f16 d, for 8 weights each the low byte of a 10-bit point in qs[32] and its
/// signs in signs[32], the points' upper 2 bits in qh[8], scales[8] with two of 4 bits; y = d · (scale + ½) / 4 · magnitude (dequantize_row_iq2_s).
/// </summary>
internal sealed class IQ2_SCodec : IBlockDecoder
{
    private const int Bytes = 82;
    private const int PointsAt = 2;
    private const int SignsAt = 34;
    private const int HighAt = 66;
    private const int ScalesAt = 74;

    public GgmlType Type => GgmlType.IQ2_S;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
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
}
