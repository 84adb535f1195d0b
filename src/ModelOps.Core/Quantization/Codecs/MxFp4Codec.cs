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
            var magnitude = Block.Magnitude(source[..Block.Length]);
            destination[0] = Exponent(magnitude);
            Fp4Codes.Encode(source[..Block.Length], magnitude, HalfScale(destination[0]), codes);
            Block.Pack4(codes, destination[1..]);
        }
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.Length..])
        {
            var halfScale = HalfScale(source[0]);
            var (low, high) = Block.Unpack4(source[1..]);
            ScaledCodes.Write(Fp4Codes.DoubledValue(low), halfScale, destination);
            ScaledCodes.Write(Fp4Codes.DoubledValue(high), halfScale, destination[16..]);
        }
    }

    private static byte Exponent(float magnitude)
    {
        // The exponent's bits say it, but for denormals and right below the next power of two: there the logarithm, a float in C, is rounded up.
        var bits = BitConverter.SingleToUInt32Bits(magnitude);
        if (bits is >= 0x0080_0000 and < 0x7F80_0000 && (bits & Rounding.MantissaMask) < 0x007F_F000)
            return unchecked((byte)((bits >> 23) - 2));
        return magnitude > 0 ? unchecked((byte)Rounding.Truncate(MathF.Floor((float)Math.Log2(magnitude)) - 2 + 127)) : (byte)0;
    }

    /// <summary>Half of 2^(e − 127), GGML_E8M0_TO_FP32_HALF; the two smallest are denormals, and 255 is no NaN to it.</summary>
    private static float HalfScale(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x0020_0000u << e : (uint)(e - 1) << 23);
}
