namespace ModelOps.Quantization;

/// <summary>Q5_1: blocks of 32 in 24 bytes, f16 d, f16 m, 32 fifth bits and 4-bit codes; y = d · q + m (quantize_row_q5_1_ref, quantize_row_q5_1_impl).</summary>
internal sealed class Q5_1Codec : IImportanceCodec
{
    private const int Bytes = 24;

    public GgmlType Type => GgmlType.Q5_1;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var (minimum, maximum) = Block.Range(source[..Block.Length]);
            var scale = (maximum - minimum) / 31;
            Block.WriteF16(destination, scale);
            Block.WriteF16(destination[2..], minimum);
            BlockCodes.Truncate(source[..Block.Length], minimum, Rounding.Inverse(scale), 0.5f, codes);
            // No limit of 31 here, unlike the other three types.
            Block.Pack5(codes, destination[4..], destination[8..], sbyte.MaxValue);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
        => SimpleBlocks.Encode(new ScaleMinimumSearch(31, -0.9f, 0.05f, 36, IsAbsolute: false), row, importance, destination, Bytes, static (scale, minimum, codes, block) =>
        {
            Block.WriteF16(block, scale);
            Block.WriteF16(block[2..], -minimum);
            Block.Pack5(codes, block[4..], block[8..]);
        });

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            var minimum = Block.ReadF16(source[2..]);
            var (low, high) = Block.Unpack5(source[4..], source[8..]);
            ScaledCodes.Write(low, scale, minimum, destination);
            ScaledCodes.Write(high, scale, minimum, destination[16..]);
        }
    }
}
