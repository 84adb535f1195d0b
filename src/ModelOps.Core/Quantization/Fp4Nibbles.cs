namespace ModelOps.Quantization;

/// <summary>4-bit floats (E2M1), two a byte: their values, and the two orders that checkpoints and ggml keep them in.</summary>
internal static class Fp4Nibbles
{
    /// <summary>
    /// Twice the value of each code (a sign, two bits of exponent, one of mantissa), ggml's kvalues_fp4: integers, so without a negative zero.
    /// </summary>
    public static ReadOnlySpan<sbyte> DoubledValues => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>
    /// From neighbours in a byte (2i low, 2i + 1 high) to halves of a block (j in the low half of byte j, j + n/2 in the high one).
    /// </summary>
    public static void SplitHalves(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var half = source.Length / 2;
        for (var i = 0; i < half; i++)
        {
            var (low, high) = (source[i], source[half + i]);
            destination[2 * i] = (byte)((low & 0x0F) | (high << 4));
            destination[(2 * i) + 1] = (byte)((low >> 4) | (high & 0xF0));
        }
    }
}
