namespace ModelOps.Quantization;

/// <summary>
/// Q6_K: super-blocks of 256 in 210 bytes, 16 sub-blocks of 16 with an 8-bit scale each: ql[128], qh[64], scales[16], f16 d;
/// y = d · scale · (q − 32) (quantize_row_q6_K_ref, quantize_row_q6_K_impl).
/// </summary>
internal sealed class Q6_KCodec : IImportanceCodec
{
    private const int Bytes = 210;
    private const int HighAt = 128;
    private const int ScalesAt = 192;
    private const int ScaleAt = 208;
    private const int SubLength = 16;
    private const int SubBlocks = 16;

    public GgmlType Type => GgmlType.Q6_K;

    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (; !source.IsEmpty; source = source[Block.SuperLength..], destination = destination[Bytes..])
            EncodeBlock(source[..Block.SuperLength], default, destination[..Bytes]);
    }

    public void Encode(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        for (; !row.IsEmpty; row = row[Block.SuperLength..], importance = importance[Block.SuperLength..], destination = destination[Bytes..])
            EncodeBlock(row[..Block.SuperLength], importance[..Block.SuperLength], destination[..Bytes]);
    }

    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !source.IsEmpty; source = source[Bytes..], destination = destination[Block.SuperLength..])
        {
            var d = Block.ReadF16(source[ScaleAt..]);
            for (var half = 0; half < 2; half++)
            {
                var low = source.Slice(64 * half, 64);
                var high = source.Slice(HighAt + (32 * half), 32);
                var scales = source.Slice(ScalesAt + (8 * half), 8);
                var y = destination.Slice(128 * half, 128);
                for (var i = 0; i < 32; i++)
                {
                    var sub = i / SubLength;
                    y[i] = d * Scale(scales, sub) * (((low[i] & 0x0F) | (high[i] & 3) << 4) - 32);
                    y[i + 32] = d * Scale(scales, sub + 2) * (((low[i + 32] & 0x0F) | (high[i] >> 2 & 3) << 4) - 32);
                    y[i + 64] = d * Scale(scales, sub + 4) * ((low[i] >> 4 | (high[i] >> 4 & 3) << 4) - 32);
                    y[i + 96] = d * Scale(scales, sub + 6) * ((low[i + 32] >> 4 | (high[i] >> 6 & 3) << 4) - 32);
                }
            }
        }
    }

    private static int Scale(ReadOnlySpan<byte> scales, int index) => unchecked((sbyte)scales[index]);

    private static void EncodeBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        Span<float> scales = stackalloc float[SubBlocks];
        SignedScales.Find(new ScaleSearch(32), x, SubLength, importance, scales, codes);
        var maximum = Block.SignedMaximum(scales);
        if (MathF.Abs(maximum) < Rounding.GroupMaxEpsilon)
        {
            destination.Clear();
            return;
        }
        var inverse = -128f / maximum;
        Block.WriteF16(destination[ScaleAt..], 1 / inverse);
        var d = Block.ReadF16(destination[ScaleAt..]);
        for (var sub = 0; sub < SubBlocks; sub++)
        {
            var code = unchecked((sbyte)Math.Min(127, Rounding.Nearest(inverse * scales[sub])));
            destination[ScalesAt + sub] = unchecked((byte)code);
            var scale = d * code;
            if (scale == 0)
            {
                // The codes of the search stay, as in ggml; they are multiplied by nothing.
                continue;
            }
            SubBlockCodes.Encode(x.Slice(SubLength * sub, SubLength), 0, scale, -32, 31, codes.Slice(SubLength * sub, SubLength));
        }
        Pack(codes, destination);
    }

    private static void Pack(ReadOnlySpan<byte> codes, Span<byte> destination)
    {
        for (var half = 0; half < 2; half++)
        {
            var q = codes.Slice(128 * half, 128);
            for (var i = 0; i < 32; i++)
            {
                destination[(64 * half) + i] = (byte)((q[i] & 0x0F) | (q[i + 64] & 0x0F) << 4);
                destination[(64 * half) + i + 32] = (byte)((q[i + 32] & 0x0F) | (q[i + 96] & 0x0F) << 4);
                destination[HighAt + (32 * half) + i] = (byte)(q[i] >> 4 | q[i + 32] >> 4 << 2 | q[i + 64] >> 4 << 4 | q[i + 96] >> 4 << 6);
            }
        }
    }
}
