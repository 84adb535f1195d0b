namespace ModelOps.Quantization;

/// <summary>Q5_K: Q4_K with a fifth bit a weight: f16 d, f16 dmin, scales[12], qh[32], qs[128]; 176 bytes.</summary>
internal sealed class Q5_KDecoder : IBlockDecoder
{
    private const int Bytes = 176;

    public GgmlType Type => GgmlType.Q5_K;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source);
            var dmin = Block.ReadF16(source[2..]);
            for (var sub = 0; sub < 8; sub++)
            {
                var (scale, minimum) = KScales.Read(source.Slice(4, 12), sub);
                var (step, offset) = (d * scale, dmin * minimum);
                for (var i = 0; i < 32; i++)
                {
                    var code = (source[48 + (sub / 2 * 32) + i] >> (sub % 2 * 4) & 0x0F) + ((source[16 + i] >> sub & 1) << 4);
                    destination[(32 * sub) + i] = (step * code) - offset;
                }
            }
        }
    }
}
