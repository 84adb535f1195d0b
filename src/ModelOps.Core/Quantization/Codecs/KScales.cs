namespace ModelOps.Quantization;

/// <summary>The head of a Q4_K or Q5_K super-block: f16 d, f16 dmin, and 12 bytes with eight 6-bit scales and minimums (get_scale_min_k4).</summary>
internal static class KScales
{
    private const int SubBlocks = 8;
    private const int ScalesAt = 4;

    /// <summary>Steps and offsets of the sub-blocks: y = step · q − offset.</summary>
    public static void Read(ReadOnlySpan<byte> block, Span<float> steps, Span<float> offsets)
    {
        var (d, dmin) = (Block.ReadF16(block), Block.ReadF16(block[2..]));
        var packed = block.Slice(ScalesAt, 12);
        for (var i = 0; i < SubBlocks; i++)
        {
            var (scale, minimum) = i < 4
                ? (packed[i] & 63, packed[i + 4] & 63)
                : ((packed[i + 4] & 0x0F) | packed[i - 4] >> 6 << 4, packed[i + 4] >> 4 | packed[i] >> 6 << 4);
            steps[i] = d * scale;
            offsets[i] = dmin * minimum;
        }
    }

    /// <summary>The reverse.</summary>
    public static void Write(Span<byte> block, ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minimums, float d, float dmin)
    {
        Block.WriteF16(block, d);
        Block.WriteF16(block[2..], dmin);
        var packed = block[ScalesAt..];
        for (var i = 0; i < 4; i++)
        {
            packed[i] = (byte)(scales[i] | scales[i + 4] >> 4 << 6);
            packed[i + 4] = (byte)(minimums[i] | minimums[i + 4] >> 4 << 6);
            packed[i + 8] = (byte)((scales[i + 4] & 0x0F) | minimums[i + 4] << 4);
        }
    }
}
