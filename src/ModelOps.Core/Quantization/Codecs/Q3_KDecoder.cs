namespace ModelOps.Quantization;

/// <summary>Q3_K: super-blocks of 256 in 110 bytes: hmask[32] (third bits, inverted), qs[64], scales[12] (6 bits, minus 32), f16 d.</summary>
internal sealed class Q3_KDecoder : IBlockDecoder
{
    private const int Bytes = 110;

    public GgmlType Type => GgmlType.Q3_K;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[108..]);
            var packed = source.Slice(96, 12);
            for (var i = 0; i < Block.SuperLength; i++)
            {
                var code = source[32 + (i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2) & 3;
                var high = source[i % 32] >> (i / 32) & 1;
                destination[i] = d * (ScaleOf(packed, i / 16) - 32) * (code - (high != 0 ? 0 : 4));
            }
        }
    }

    // Scales 0…7 keep their low nibbles in the low, 8…15 in the high nibbles of the first eight bytes; the last four hold the upper pairs.
    private static int ScaleOf(ReadOnlySpan<byte> packed, int index)
    {
        var low = packed[index % 8] >> (index / 8 * 4) & 0x0F;
        var high = packed[8 + (index % 4)] >> (index / 4 * 2) & 3;
        return low | high << 4;
    }
}
