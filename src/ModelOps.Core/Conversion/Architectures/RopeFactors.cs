namespace ModelOps.Conversion;

/// <summary>Frequency factors that stretch rotary positions, as tensors.</summary>
internal static class RopeFactors
{
    /// <summary>
    /// Llama 3.1's: low frequencies are divided by the factor, high ones kept, those between interpolated. Null when the scaling is of
    /// another type. Every step rounds to F32, as the converter's own tensors do, so that the bytes agree.
    /// </summary>
    /// <param name="rope">Rotary parameters.</param>
    /// <param name="headLength">Rotated dimensions of a head; half as many factors come back.</param>
    public static float[]? Llama3(RopeParameters rope, int headLength)
    {
        if (!string.Equals(rope.Type, "llama3", StringComparison.OrdinalIgnoreCase))
            return null;
        var theta = (float)(rope.Theta ?? 10000);
        var factor = (float)(rope.Find("factor") ?? 8);
        var low = rope.Find("low_freq_factor") ?? 1;
        var high = rope.Find("high_freq_factor") ?? 4;
        var context = rope.Find("original_max_position_embeddings") ?? 8192;
        var factors = new float[headLength / 2];
        for (var i = 0; i < factors.Length; i++)
        {
            var frequency = 1 / MathF.Pow(theta, (float)(2 * i) / headLength);
            var wavelength = 1 / frequency * (float)(2 * Math.PI);
            if (wavelength < (float)(context / high))
            {
                factors[i] = 1;
            }
            else if (wavelength > (float)(context / low))
            {
                factors[i] = factor;
            }
            else
            {
                var smooth = ((1 / wavelength * (float)context) - (float)low) / (float)(high - low);
                factors[i] = 1 / (((1 - smooth) / factor) + smooth);
            }
        }
        return factors;
    }
}
