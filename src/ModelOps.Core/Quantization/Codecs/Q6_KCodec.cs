using System.Runtime.Intrinsics;

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
    private const int Half = 32;

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
            for (var sub = 0; sub < SubBlocks; sub++)
            {
                // Four runs of 32 weights share the high bits of a half; two share the low ones.
                var (half, run, at) = (sub / 8, sub % 8 / 2, sub % 2 * SubLength);
                var low = Vector128.Create(source[((64 * half) + (run % 2 * 32) + at)..]) >> (run / 2 * 4) & Vector128.Create((byte)0x0F);
                var high = Vector128.Create(source[(HighAt + (32 * half) + at)..]) >> (run * 2) & Vector128.Create((byte)3);
                var codes = (low | high << 4).AsSByte() - Vector128.Create((sbyte)Half);
                ScaledCodes.Write(codes, d * unchecked((sbyte)source[ScalesAt + sub]), destination[(sub * SubLength)..]);
            }
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        Span<float> scales = stackalloc float[SubBlocks];
        SignedScales.Find(new ScaleSearch(Half), x, SubLength, importance, scales, codes);
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
            SubBlockCodes.Encode(x.Slice(SubLength * sub, SubLength), 0, scale, -Half, Half - 1, codes.Slice(SubLength * sub, SubLength));
        }
        Pack(codes, destination);
    }

    private static void Pack(ReadOnlySpan<byte> codes, Span<byte> destination)
    {
        for (var half = 0; half < 2; half++)
        {
            var q = codes.Slice(128 * half, 128);
            var (q0, q1, q2, q3) = (Vector256.Create(q), Vector256.Create(q[32..]), Vector256.Create(q[64..]), Vector256.Create(q[96..]));
            var nibble = Vector256.Create((byte)0x0F);
            ((q0 & nibble) | q2 << 4).CopyTo(destination[(64 * half)..]);
            ((q1 & nibble) | q3 << 4).CopyTo(destination[((64 * half) + 32)..]);
            (q0 >> 4 | q1 >> 4 << 2 | q2 >> 4 << 4 | q3 >> 4 << 6).CopyTo(destination[(HighAt + (32 * half))..]);
        }
    }
}
