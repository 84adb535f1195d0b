namespace ModelOps.Quantization;

/// <summary>
/// IQ3_S: super-blocks of 256 in 110 bytes, 8 sub-blocks of 32: f16 d, for 4 weights each the low byte of a 9-bit point in qs[64] and its
/// upper bit in qh[8], signs[32], scales[4] with two of 4 bits; y = d · (2 · scale + 1) · magnitude (dequantize_row_iq3_s).
/// </summary>
internal sealed class IQ3_SCodec : IBlockDecoder
{
    private const int Bytes = 110;
    private const int PointsAt = 2;
    private const int HighAt = 66;
    private const int SignsAt = 74;
    private const int ScalesAt = 106;

    public GgmlType Type => GgmlType.IQ3_S;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
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
}
