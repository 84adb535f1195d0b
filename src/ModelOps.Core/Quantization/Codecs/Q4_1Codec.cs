namespace ModelOps.Quantization;

/// <summary>Q4_1: blocks of 32 in 20 bytes, f16 d, f16 m and 4-bit codes; y = d · q + m (quantize_row_q4_1_ref, quantize_row_q4_1_impl).</summary>
internal sealed class Q4_1Codec : IImportanceCodec
{
    private const int Bytes = 20;

    public GgmlType Type => GgmlType.Q4_1;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var (minimum, maximum) = Block.Range(source[..Block.Length]);
            var scale = (maximum - minimum) / 15;
            var inverse = Rounding.Inverse(scale);
            Block.WriteF16(destination, scale);
            Block.WriteF16(destination[2..], minimum);
            for (var j = 0; j < 16; j++)
            {
                var low = (byte)Math.Min(15, (int)Rounding.TruncateToSByte(((source[j] - minimum) * inverse) + 0.5f));
                var high = (byte)Math.Min(15, (int)Rounding.TruncateToSByte(((source[j + 16] - minimum) * inverse) + 0.5f));
                destination[4 + j] = (byte)(low | (high << 4));
            }
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
        => SimpleBlocks.Encode(new ScaleMinimumSearch(15, -0.9f, 0.05f, 36, IsAbsolute: false), row, importance, destination, Bytes, static (scale, minimum, codes, block) =>
        {
            Block.WriteF16(block, scale);
            Block.WriteF16(block[2..], -minimum);
            Block.Pack4(codes, block[4..]);
        });

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            var minimum = Block.ReadF16(source[2..]);
            for (var j = 0; j < 16; j++)
            {
                destination[j] = ((source[4 + j] & 0x0F) * scale) + minimum;
                destination[j + 16] = ((source[4 + j] >> 4) * scale) + minimum;
            }
        }
    }
}
