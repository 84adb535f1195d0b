namespace ModelOps.Quantization;

/// <summary>Weights as −1, 0 or 1 times the largest magnitude, stored plus one.</summary>
internal static class Ternary
{
    /// <summary>The largest magnitude; <paramref name="codes"/> gets one byte a weight.</summary>
    public static float Encode(ReadOnlySpan<float> x, Span<byte> codes)
    {
        var scale = MathF.Abs(Block.SignedMaximum(x));
        var inverse = Rounding.Inverse(scale);
        for (var i = 0; i < x.Length; i++)
            codes[i] = (byte)(Rounding.Truncate(MathF.Round(x[i] * inverse, MidpointRounding.AwayFromZero)) + 1 & 3);
        return scale;
    }
}
