namespace ModelOps.Quantization;

/// <summary>Q4_K: super-blocks of 256 in 144 bytes: f16 d, f16 dmin, scales[12], qs[128]; y = d · scale · q − dmin · minimum.</summary>
internal sealed class Q4_KDecoder : IBlockDecoder
{
    private const int Bytes = 144;

    public GgmlType Type => GgmlType.Q4_K;

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
                    var code = source[16 + (sub / 2 * 32) + i] >> (sub % 2 * 4) & 0x0F;
                    destination[(32 * sub) + i] = (step * code) - offset;
                }
            }
        }
    }
}
