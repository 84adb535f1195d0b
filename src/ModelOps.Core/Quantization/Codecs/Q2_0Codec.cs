using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Q2_0: blocks of 64 in 18 bytes, f16 d, the largest magnitude, and 2-bit codes; y = d · (q − 1) (quantize_row_q2_0_ref).</summary>
internal sealed class Q2_0Codec : IBlockCodec
{
    private const int Length = 64;
    private const int Bytes = 18;
    private const int CodesAt = 2;

    public GgmlType Type => GgmlType.Q2_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Length..], destination = destination[Bytes..])
        {
            var d = Block.Magnitude(source[..Length]);
            var inverse = Rounding.Inverse(d);
            Block.WriteF16(destination, d);
            for (var i = 0; i < Length; i += 4)
                destination[CodesAt + (i / 4)] = float.IsInfinity(inverse) ? (byte)0 : Codes(Vector128.Create(source[i..]) * inverse);
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Length..])
        {
            var d = Block.ReadF16(source);
            for (var i = 0; i < Length; i++)
                destination[i] = ((source[CodesAt + (i / 4)] >> (i % 4 * 2) & 3) - 1) * d;
        }
    }

    /// <summary>
    /// Rounded half away from zero; no weight is above d, so 3 is for files that others made. What is no number gets the least code, as on x86-64, and
    /// with it all weights of a block so small that its inverse is infinite.
    /// </summary>
    private static byte Codes(Vector128<float> scaled)
    {
        var codes = -(Vector128.GreaterThan(scaled, Vector128.Create(-0.5f)).AsInt32() + Vector128.GreaterThanOrEqual(scaled, Vector128.Create(0.5f)).AsInt32());
        return (byte)Vector128.Sum(codes * Vector128.Create(1, 4, 16, 64));
    }
}
