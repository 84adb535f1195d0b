namespace ModelOps.Quantization;

/// <summary>
/// Q5_K: super-blocks of 256 in 176 bytes, as Q4_K with fifth bits: f16 d, f16 dmin, scales[12], qh[32], qs[128]
/// (quantize_row_q5_K_ref, quantize_row_q5_K_impl).
/// </summary>
internal sealed class Q5_KCodec() : MinimumCodec(Bytes, 32, 63, new(31, -0.5f, 0.1f, 15, IsAbsolute: false), SubBlockWeighting.MagnitudeAndRootMeanSquare, 2)
{
    private const int Bytes = 176;
    private const int HighAt = 16;
    private const int CodesAt = 48;

    public override GgmlType Type => GgmlType.Q5_K;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            for (var sub = 0; sub < 8; sub++)
            {
                var (step, offset) = KScales.Read(source, sub);
                for (var i = 0; i < 32; i++)
                {
                    var code = (source[CodesAt + (sub / 2 * 32) + i] >> (sub % 2 * 4) & 0x0F) | (source[HighAt + i] >> sub & 1) << 4;
                    destination[(32 * sub) + i] = (step * code) - offset;
                }
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin) => KScales.Write(block, scales, minimums, d, dmin);

    protected override (float Step, float Offset) ReadScale(ReadOnlySpan<byte> block, int subBlock) => KScales.Read(block, subBlock);

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        var high = block.Slice(HighAt, 32);
        high.Clear();
        for (var chunk = 0; chunk < 4; chunk++)
        {
            var q = codes.Slice(64 * chunk, 64);
            var to = block.Slice(CodesAt + (32 * chunk), 32);
            for (var i = 0; i < 32; i++)
            {
                to[i] = (byte)((q[i] & 0x0F) | q[i + 32] << 4);
                high[i] |= (byte)((q[i] >> 4 | q[i + 32] >> 4 << 1) << (2 * chunk));
            }
        }
    }
}
