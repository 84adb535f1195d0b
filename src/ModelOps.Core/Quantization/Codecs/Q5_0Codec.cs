using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Q5_0: blocks of 32 in 22 bytes, f16 d, 32 fifth bits and 4-bit codes; y = d · (q − 16) (quantize_row_q5_0_ref, quantize_row_q5_0_impl).</summary>
internal sealed class Q5_0Codec : IImportanceCodec
{
    private const int Bytes = 22;

    public GgmlType Type => GgmlType.Q5_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            var scale = Block.SignedMaximum(source[..Block.Length]) / -16;
            Block.WriteF16(destination, scale);
            BlockCodes.Truncate(source[..Block.Length], 0, Rounding.Inverse(scale), 16.5f, codes);
            Block.Pack5(codes, destination[2..], destination[6..]);
        }
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
        => SimpleBlocks.Encode(new ScaleSearch(16), row, importance, destination, Bytes, static (scale, codes, block) =>
        {
            Block.WriteF16(block, scale);
            Block.Pack5(codes, block[2..], block[6..]);
        });

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var scale = Block.ReadF16(source);
            var (low, high) = Block.Unpack5(source[2..], source[6..]);
            ScaledCodes.Write(low.AsSByte() - Vector128.Create((sbyte)16), scale, destination);
            ScaledCodes.Write(high.AsSByte() - Vector128.Create((sbyte)16), scale, destination[16..]);
        }
    }
}
