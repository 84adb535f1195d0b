namespace ModelOps.Quantization;

/// <summary>The head of a Q4_K or Q5_K super-block: f16 d, f16 dmin, and 12 bytes with eight 6-bit scales and minimums (get_scale_min_k4).</summary>
internal static class KScales
{
    private const int ScalesAt = 4;

    /// <summary>Step and offset of a sub-block: y = step · q − offset.</summary>
    public static (float Step, float Offset) Read(ReadOnlySpan<byte> block, int index)
    {
        var packed = block.Slice(ScalesAt, 12);
        var (scale, minimum) = index < 4
            ? (packed[index] & 63, packed[index + 4] & 63)
            : ((packed[index + 4] & 0x0F) | packed[index - 4] >> 6 << 4, packed[index + 4] >> 4 | packed[index] >> 6 << 4);
        return (Block.ReadF16(block) * scale, Block.ReadF16(block[2..]) * minimum);
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
