namespace ModelOps.Quantization;

/// <summary>4-bit scales of sub-blocks, two a byte, the even one low.</summary>
internal static class NibbleScales
{
    public static int Read(ReadOnlySpan<byte> scales, int subBlock) => scales[subBlock / 2] >> (4 * (subBlock % 2)) & 0x0F;

    /// <summary>Into scales that were zero.</summary>
    public static void Write(Span<byte> scales, int subBlock, int scale) => scales[subBlock / 2] |= (byte)(scale << (4 * (subBlock % 2)));
}
