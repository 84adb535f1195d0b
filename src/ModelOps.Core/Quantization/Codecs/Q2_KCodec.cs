namespace ModelOps.Quantization;

/// <summary>
/// Q2_K: super-blocks of 256 in 84 bytes, 16 sub-blocks of 16: scales[16] (low nibble scale, high nibble minimum), qs[64], f16 d, f16 dmin
/// (quantize_row_q2_K_ref, quantize_row_q2_K_impl).
/// </summary>
internal sealed class Q2_KCodec() : MinimumCodec(Bytes, 16, 15, new(3, -0.5f, 0.1f, 15, IsAbsolute: true), SubBlockWeighting.Magnitude, 1)
{
    private const int Bytes = 84;
    private const int CodesAt = 16;
    private const int ScaleAt = 80;

    public override GgmlType Type => GgmlType.Q2_K;

    public override void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            for (var i = 0; i < Block.SuperLength; i++)
            {
                // A half of 128 takes its 2-bit codes from the same 32 bytes, 32 weights a bit pair.
                var (step, offset) = ReadScale(source, i / 16);
                var code = source[CodesAt + (i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2) & 3;
                destination[i] = (step * code) - offset;
            }
        }
    }

    protected override void WriteScales(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin)
    {
        for (var sub = 0; sub < 16; sub++)
            block[sub] = (byte)(scales[sub] | minimums[sub] << 4);
        Block.WriteF16(block[ScaleAt..], d);
        Block.WriteF16(block[(ScaleAt + 2)..], dmin);
    }

    protected override (float Step, float Offset) ReadScale(ReadOnlySpan<byte> block, int subBlock)
        => (Block.ReadF16(block[ScaleAt..]) * (block[subBlock] & 0x0F), Block.ReadF16(block[(ScaleAt + 2)..]) * (block[subBlock] >> 4));

    protected override void Pack(ReadOnlySpan<byte> codes, Span<byte> block) => Block.Pack2(codes, block[CodesAt..]);
}
