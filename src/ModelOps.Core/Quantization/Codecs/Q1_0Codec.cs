using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Q1_0: blocks of 128 in 18 bytes, f16 d, the mean magnitude, and a bit a weight; y = ±d (quantize_row_q1_0_ref).</summary>
internal sealed class Q1_0Codec : IBlockCodec
{
    private const int Length = 128;
    private const int Bytes = 18;
    private const int BitsAt = 2;

    public GgmlType Type => GgmlType.Q1_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Length..], destination = destination[Bytes..])
        {
            var sum = 0f;
            foreach (var value in source[..Length])
                sum += MathF.Abs(value);
            Block.WriteF16(destination, sum / Length);
            for (var i = 0; i < Length; i += 8)
                destination[BitsAt + (i / 8)] = (byte)Vector256.GreaterThanOrEqual(Vector256.Create(source[i..]), Vector256<float>.Zero).ExtractMostSignificantBits();
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Length..])
        {
            var d = Block.ReadF16(source);
            for (var i = 0; i < Length; i++)
                destination[i] = (source[BitsAt + (i / 8)] >> (i % 8) & 1) != 0 ? d : -d;
        }
    }
}
