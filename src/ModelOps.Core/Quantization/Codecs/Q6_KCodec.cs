using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// Q6_K: super-blocks of 256 in 210 bytes, 16 sub-blocks of 16 with an 8-bit scale each: ql[128], qh[64], scales[16], f16 d;
/// y = d · scale · (q − 32) (quantize_row_q6_K_ref).
/// </summary>
internal sealed class Q6_KCodec : IBlockCodec
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
        {
            EncodeBlock(source[..Block.SuperLength], destination[..Bytes]);
        }
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

    private static void EncodeBlock(ReadOnlySpan<float> x, Span<byte> destination)
    {
        Span<byte> codes = stackalloc byte[Block.SuperLength];
        Span<float> scales = stackalloc float[SubBlocks];
        SearchScales(x[..128], codes, scales);
        SearchScales(x[128..], codes[128..], scales[8..]);
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
            for (var i = SubLength * sub; i < SubLength * (sub + 1); i++)
            {
                codes[i] = (byte)(Math.Clamp(Rounding.Nearest(x[i] / scale), -32, 31) + 32);
            }
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

    /// <summary>
    /// ggml's <c>make_qx_quants(16, 32, …, rmse_type 1)</c> on eight sub-blocks at once, one a lane, so that each lane's sums keep their
    /// order: starts from the scale that maps the extreme value to −32 and tries 18 around it, minimising the error weighted with x².
    /// </summary>
    private static void SearchScales(ReadOnlySpan<float> x, Span<byte> codes, Span<float> scales)
    {
        Span<Vector256<float>> columns = stackalloc Vector256<float>[SubLength];
        Span<float> extremes = stackalloc float[8];
        for (var lane = 0; lane < 8; lane++)
        {
            extremes[lane] = Block.SignedMaximum(x.Slice(SubLength * lane, SubLength));
        }
        for (var i = 0; i < SubLength; i++)
        {
            columns[i] = Vector256.Create(x[i], x[i + 16], x[i + 32], x[i + 48], x[i + 64], x[i + 80], x[i + 96], x[i + 112]);
        }
        var extreme = Vector256.Create<float>(extremes);
        var inverse = Vector256.Create(-32f) / extreme;
        var (sumLX, sumL2) = Sums(columns, inverse);
        var zero = Vector256.Equals(sumL2, Vector256<float>.Zero);
        var scale = Vector256.ConditionalSelect(zero, Vector256<float>.Zero, sumLX / sumL2);
        var best = scale * sumLX;
        for (var step = -9; step <= 9; step++)
        {
            if (step == 0)
            {
                continue;
            }
            var trial = Vector256.Create(-(32 + (0.1f * step))) / extreme;
            (sumLX, sumL2) = Sums(columns, trial);
            var better = Vector256.GreaterThan(sumL2, Vector256<float>.Zero) & Vector256.GreaterThan(sumLX * sumLX, best * sumL2);
            if (Vector256.EqualsAll(better.AsUInt32(), Vector256<uint>.Zero))
            {
                continue;
            }
            inverse = Vector256.ConditionalSelect(better, trial, inverse);
            scale = Vector256.ConditionalSelect(better, sumLX / sumL2, scale);
            best = Vector256.ConditionalSelect(better, scale * sumLX, best);
        }
        for (var lane = 0; lane < 8; lane++)
        {
            var empty = MathF.Abs(extremes[lane]) < Rounding.GroupMaxEpsilon;
            scales[lane] = empty ? 0 : scale[lane];
            for (var i = 0; i < SubLength; i++)
            {
                var at = (SubLength * lane) + i;
                codes[at] = empty ? (byte)0 : (byte)(Math.Clamp(Rounding.Nearest(inverse[lane] * x[at]), -32, 31) + 32);
            }
        }
    }

    private static (Vector256<float> SumLX, Vector256<float> SumL2) Sums(ReadOnlySpan<Vector256<float>> columns, Vector256<float> inverse)
    {
        var (sumLX, sumL2) = (Vector256<float>.Zero, Vector256<float>.Zero);
        foreach (var x in columns)
        {
            var bits = ((inverse * x) + Vector256.Create(Rounding.NearestMagic)).AsInt32() & Vector256.Create(0x007F_FFFF);
            var code = Vector256.ConvertToSingle(Vector256.Clamp(bits - Vector256.Create(0x0040_0000), Vector256.Create(-32), Vector256.Create(31)));
            var weight = x * x;
            sumLX += weight * x * code;
            sumL2 += weight * code * code;
        }
        return (sumLX, sumL2);
    }
}
