namespace ModelOps.Quantization;

/// <summary>MXFP4: blocks of 32 in 17 bytes, an exponent and 4-bit floats; y = 2^(e − 128) · doubled value (quantize_row_mxfp4_ref).</summary>
internal sealed class MxFp4Codec : IBlockCodec
{
    private const int Bytes = 17;

    public GgmlType Type => GgmlType.MXFP4;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.Length];
        for (; !source.IsEmpty; source = source[Block.Length..], destination = destination[Bytes..])
        {
            destination[0] = Exponent(MathF.Abs(Block.SignedMaximum(source[..Block.Length])));
            Fp4Codes.Encode(source[..Block.Length], HalfScale(destination[0]), codes);
            Block.Pack4(codes, destination[1..]);
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var halfScale = HalfScale(source[0]);
            for (var j = 0; j < Block.Length / 2; j++)
            {
                var code = source[1 + j];
                destination[j] = Fp4Nibbles.DoubledValues[code & 0x0F] * halfScale;
                destination[j + 16] = Fp4Nibbles.DoubledValues[code >> 4] * halfScale;
            }
        }
    }

    // The logarithm is rounded to a float, as in C, so that the largest float below a power of two has that power's.
    private static byte Exponent(float magnitude)
        => magnitude > 0 ? unchecked((byte)Rounding.Truncate(MathF.Floor((float)Math.Log2(magnitude)) - 2 + 127)) : (byte)0;

    /// <summary>Half of 2^(e − 127), GGML_E8M0_TO_FP32_HALF; the two smallest are denormals, and 255 is no NaN to it.</summary>
    private static float HalfScale(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x0020_0000u << e : (uint)(e - 1) << 23);
}
