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
            var d = MathF.Abs(Block.SignedMaximum(source[..Length]));
            var inverse = Rounding.Inverse(d);
            Block.WriteF16(destination, d);
            for (var i = 0; i < Length; i += 4)
                destination[CodesAt + (i / 4)] = (byte)(Code(source[i] * inverse) | Code(source[i + 1] * inverse) << 2 | Code(source[i + 2] * inverse) << 4 | Code(source[i + 3] * inverse) << 6);
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

    // No weight is above d: 3 is for files that others made. Of a denormal d, whose inverse is infinite, a zero gives a NaN: the least code, as on x86-64.
    private static int Code(float scaled) => Math.Clamp(unchecked(Rounding.Truncate(MathF.Round(scaled, MidpointRounding.AwayFromZero)) + 1), 0, 3);
}
