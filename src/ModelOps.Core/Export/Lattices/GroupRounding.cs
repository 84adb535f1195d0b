namespace ModelOps.Export;

/// <summary>Rounds groups of weights to codes, as the tools of the two formats do.</summary>
internal static class GroupRounding
{
    /// <summary>
    /// Symmetric codes around the middle one (compressed_tensors/quantization/utils/helpers.py, calculate_qparams): the scale is the largest
    /// magnitude over half the range of codes, in the type that it is stored as.
    /// </summary>
    /// <param name="weights">A group.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="store">Rounds a number to the type that scales are stored as.</param>
    /// <param name="codes">Room for the codes.</param>
    /// <returns>The scale.</returns>
    public static float Symmetric(ReadOnlySpan<float> weights, int bits, Func<float, float> store, Span<short> codes)
    {
        var (middle, most) = (1 << (bits - 1), (1 << bits) - 1);
        var largest = 0f;
        foreach (var weight in weights)
            largest = Math.Max(largest, Math.Abs(weight));
        var scale = store(largest / (most / 2f));
        for (var i = 0; i < weights.Length; i++)
            codes[i] = scale == 0 ? (short)middle : (short)Math.Clamp(MathF.Round(weights[i] / scale) + middle, 0, most);
        return scale;
    }

    /// <summary>The same with a zero of its own for each group: from the least weight to the largest, zero included.</summary>
    /// <returns>The scale and the code of zero.</returns>
    public static (float Scale, float Zero) Asymmetric(ReadOnlySpan<float> weights, int bits, Func<float, float> store, Span<short> codes)
    {
        var most = (1 << bits) - 1;
        var (least, largest) = (0f, 0f);
        foreach (var weight in weights)
            (least, largest) = (Math.Min(least, weight), Math.Max(largest, weight));
        var scale = store((largest - least) / most);
        var zero = scale == 0 ? 0 : Math.Clamp(MathF.Round(-least / scale), 0, most);
        for (var i = 0; i < weights.Length; i++)
            codes[i] = scale == 0 ? (short)zero : (short)Math.Clamp(MathF.Round(weights[i] / scale) + zero, 0, most);
        return (scale, zero);
    }

    /// <summary>
    /// MLX's affine codes (mlx/backend/cpu/quantized.cpp, quantize): from the least weight to the largest, moved so that zero, and the edge
    /// that is further from it, are codes.
    /// </summary>
    /// <returns>The scale and the bias, before they are rounded to the type that they are stored as.</returns>
    public static (float Scale, float Bias) Affine(ReadOnlySpan<float> weights, int bits, Span<short> codes)
    {
        const float LeastScale = 1e-7f;
        float most = (1 << bits) - 1;
        var (least, largest) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var weight in weights)
            (least, largest) = (Math.Min(least, weight), Math.Max(largest, weight));
        var isFromLeast = Math.Abs(least) > Math.Abs(largest);
        var scale = Math.Max((largest - least) / most, LeastScale) * (isFromLeast ? 1 : -1);
        var edge = isFromLeast ? least : largest;
        var steps = MathF.Round(edge / scale);
        var bias = 0f;
        if (steps != 0)
            (scale, bias) = (edge / steps, edge);
        for (var i = 0; i < weights.Length; i++)
            codes[i] = (short)Math.Clamp(MathF.Round((weights[i] - bias) / scale), 0, most);
        return (scale, bias);
    }
}
