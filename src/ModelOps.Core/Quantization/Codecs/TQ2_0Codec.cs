namespace ModelOps.Quantization;

/// <summary>TQ2_0: blocks of 256 in 66 bytes, qs[64] with 2-bit codes and f16 d; y = d · (q − 1) (quantize_row_tq2_0_ref).</summary>
internal sealed class TQ2_0Codec : IBlockCodec
{
    private const int Bytes = 66;
    private const int ScaleAt = 64;

    public GgmlType Type => GgmlType.TQ2_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        for (; !source.IsEmpty; source = source[Block.SuperLength..], destination = destination[Bytes..])
        {
            Block.WriteF16(destination[ScaleAt..], Ternary.Encode(source[..Block.SuperLength], codes));
            Block.Pack2(codes, destination);
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[ScaleAt..]);
            for (var i = 0; i < Block.SuperLength; i += 16)
                Ternary.Decode(Block.Unpack2(source, i), d, destination[i..]);
        }
    }
}
