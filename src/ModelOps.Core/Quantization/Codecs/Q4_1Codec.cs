namespace ModelOps.Quantization;

/// <summary>Q4_1: blocks of 32 in 20 bytes, f16 d, f16 m and 4-bit codes; y = d · q + m (quantize_row_q4_1_ref, quantize_row_q4_1_impl).</summary>
internal sealed class Q4_1Codec : IImportanceCodec
{
    private const int Bytes = 20;

    public GgmlType Type => GgmlType.Q4_1;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var (minimum, maximum) = Block.Range(source[..Block.Length]);
            var scale = (maximum - minimum) / 15;
            Block.WriteF16(destination, scale);
            Block.WriteF16(destination[2..], minimum);
            BlockCodes.Truncate(source[..Block.Length], minimum, Rounding.Inverse(scale), 0.5f, codes);
            Block.Pack4(codes, destination[4..]);
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
            var (low, high) = Block.Unpack4(source[4..]);
            ScaledCodes.Write(low, scale, minimum, destination);
            ScaledCodes.Write(high, scale, minimum, destination[16..]);
        }
    }
}
