namespace ModelOps.Quantization;

/// <summary>The 12 bytes that hold eight 6-bit scales and eight 6-bit minimums of Q4_K and Q5_K (get_scale_min_k4).</summary>
internal static class KScales
{
    public static (int Scale, int Minimum) Read(ReadOnlySpan<byte> packed, int index) => index < 4
        ? (packed[index] & 63, packed[index + 4] & 63)
        : ((packed[index + 4] & 0x0F) | packed[index - 4] >> 6 << 4, packed[index + 4] >> 4 | packed[index] >> 6 << 4);
}
