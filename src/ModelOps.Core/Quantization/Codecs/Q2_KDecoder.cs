namespace ModelOps.Quantization;

/// <summary>Q2_K: super-blocks of 256 in 84 bytes: scales[16] (low nibble scale, high nibble minimum), qs[64], f16 d, f16 dmin.</summary>
internal sealed class Q2_KDecoder : IBlockDecoder
{
    private const int Bytes = 84;

    public GgmlType Type => GgmlType.Q2_K;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[80..]);
            var dmin = Block.ReadF16(source[82..]);
            for (var i = 0; i < Block.SuperLength; i++)
            {
                // Sub-blocks of 16; a half of 128 takes its 2-bit codes from the same 32 bytes, 32 weights a bit pair.
                var scale = source[i / 16];
                var code = source[16 + (i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2) & 3;
                destination[i] = (d * (scale & 0x0F) * code) - (dmin * (scale >> 4));
            }
        }
    }
}
