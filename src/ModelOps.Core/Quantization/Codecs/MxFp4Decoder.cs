namespace ModelOps.Quantization;

/// <summary>MXFP4: block_mxfp4 { uint8 e; uint8 qs[16]; }; dequantize_row_mxfp4.</summary>
internal sealed class MxFp4Decoder : IBlockDecoder
{
    private const int BlockBytes = 17;

    public GgmlType Type => GgmlType.MXFP4;

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[BlockBytes..], destination = destination[Block.Length..])
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

    /// <summary>Half of 2^(e − 127), GGML_E8M0_TO_FP32_HALF; the two smallest are denormals, and 255 is no NaN to it.</summary>
    private static float HalfScale(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x0020_0000u << e : (uint)(e - 1) << 23);
}
