namespace ModelOps.Quantization;

/// <summary>
/// Q4_K: super-blocks of 256 in 144 bytes, 8 sub-blocks of 32 with a 6-bit scale and minimum each: f16 d, f16 dmin, scales[12], qs[128]
/// (quantize_row_q4_K_ref, quantize_row_q4_K_impl).
/// </summary>
internal sealed class Q4_KCodec() : MinimumCodec(Bytes, 32, 63, new(15, -1f, 0.1f, 20, IsAbsolute: false), SubBlockWeighting.MagnitudeAndRootMeanSquare, 2)
{
    private const int Bytes = 144;
    private const int CodesAt = 16;

    public override GgmlType Type => GgmlType.Q4_K;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            for (var sub = 0; sub < 8; sub++)
            {
                var (step, offset) = KScales.Read(source, sub);
                for (var i = 0; i < 32; i++)
                {
                    var code = source[CodesAt + (sub / 2 * 32) + i] >> (sub % 2 * 4) & 0x0F;
                    destination[(32 * sub) + i] = (step * code) - offset;
                }
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin) => KScales.Write(block, scales, minimums, d, dmin);

    protected override (float Step, float Offset) ReadScale(ReadOnlySpan<byte> block, int subBlock) => KScales.Read(block, subBlock);

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        for (var chunk = 0; chunk < 4; chunk++)
        {
            var q = codes.Slice(64 * chunk, 64);
            var to = block.Slice(CodesAt + (32 * chunk), 32);
            for (var i = 0; i < 32; i++)
                to[i] = (byte)(q[i] | q[i + 32] << 4);
        }
    }
}
