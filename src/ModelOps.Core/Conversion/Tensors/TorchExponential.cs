namespace ModelOps.Conversion;

/// <summary>
/// eˣ as torch computes it on a processor with fused multiply-add (Sleef's expf within one unit in the last place), so that the bits are
/// those of llama.cpp's converter; the exact value rounds otherwise in one of six cases.
/// </summary>
internal static class TorchExponential
{
    // ln 2 in two parts: the upper has few digits, so that multiples of it are exact.
    private const float Ln2Upper = 0.693145751953125f;
    private const float Ln2Lower = 1.428606765330187e-06f;
    private const float Log2E = 1.4426950408889634f;

    /// <summary>Beyond it the result leaves the normal numbers, where scaling takes two steps.</summary>
    private const float Range = 87;

    private static ReadOnlySpan<float> Coefficients
        => [0.00019852761761285365f, 0.0013930435525453415f, 0.0083333607763062f, 0.04166648536920547f, 0.16666667163372040f, 0.5f];

    public static float Exp(float x)
    {
        if (!(MathF.Abs(x) < Range))
            return MathF.Exp(x);
        var power = MathF.Round(x * Log2E, MidpointRounding.ToEven);
        var rest = MathF.FusedMultiplyAdd(power, -Ln2Lower, MathF.FusedMultiplyAdd(power, -Ln2Upper, x));
        var sum = 0f;
        foreach (var coefficient in Coefficients)
            sum = MathF.FusedMultiplyAdd(sum, rest, coefficient);
        return MathF.ScaleB(1 + MathF.FusedMultiplyAdd(rest * rest, sum, rest), (int)power);
    }
}
