using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q4_0: blocks of 32 in 18 bytes, f16 d and 4-bit codes; y = d · (q − 8). The value of largest magnitude gets code 0
/// (quantize_row_q4_0_ref, quantize_row_q4_0_impl).
/// </summary>
internal sealed class Q4_0Codec : IImportanceCodec
{
    private const int Bytes = 18;

    public GgmlType Type => GgmlType.Q4_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var scale = Block.SignedMaximum(source[..Block.Length]) / -8;
            Block.WriteF16(destination, scale);
            BlockCodes.Truncate(source[..Block.Length], 0, Rounding.Inverse(scale), 8.5f, codes);
            Block.Pack4(codes, destination[2..]);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
        => SimpleBlocks.Encode(new ScaleSearch(8), row, importance, destination, Bytes, static (scale, codes, block) =>
        {
            Block.WriteF16(block, scale);
            Block.Pack4(codes, block[2..]);
        });

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            var (low, high) = Block.Unpack4(source[2..]);
            ScaledCodes.Write(low.AsSByte() - Vector128.Create((sbyte)8), scale, destination);
            ScaledCodes.Write(high.AsSByte() - Vector128.Create((sbyte)8), scale, destination[16..]);
        }
    }
}
