namespace ModelOps.Quantization;

/// <summary>
/// TQ1_0: blocks of 256 in 54 bytes, five ternary digits a byte in qs[48], four in qh[4], and f16 d; y = d · (digit − 1)
/// (quantize_row_tq1_0_ref).
/// </summary>
internal sealed class TQ1_0Codec : IBlockCodec
{
    private const int Bytes = 54;
    private const int ScaleAt = 52;

    /// <summary>Bytes that hold the weights side by side, the first byte, the weights before, and the digits of each.</summary>
    private static readonly (int At, int Width, int Start, int Digits)[] Runs = [(0, 32, 0, 5), (32, 16, 160, 5), (48, 4, 240, 4)];

    public GgmlType Type => GgmlType.TQ1_0;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        for (; !source.IsEmpty; source = source[Block.SuperLength..], destination = destination[Bytes..])
        {
            Block.WriteF16(destination[ScaleAt..], Ternary.Encode(source[..Block.SuperLength], codes));
            foreach (var (at, width, start, digits) in Runs)
            {
                for (var m = 0; m < width; m++)
                {
                    var number = 0;
                    for (var digit = 0; digit < 5; digit++)
                        number = (number * 3) + (digit < digits ? codes[start + (digit * width) + m] : 0);
                    // As a fraction of 3^5 in 256ths, rounded up, so that a reader gets the digits by multiplying.
                    destination[at + m] = (byte)(((number * 256) + 242) / 243);
                }
            }
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[ScaleAt..]);
            foreach (var (at, width, start, digits) in Runs)
            {
                for (var m = 0; m < width; m++)
                {
                    var rest = source[at + m];
                    for (var digit = 0; digit < digits; digit++, rest = unchecked((byte)(rest * 3)))
                        destination[start + (digit * width) + m] = ((rest * 3 >> 8) - 1) * d;
                }
            }
        }
    }
}
