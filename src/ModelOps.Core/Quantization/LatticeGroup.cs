namespace ModelOps.Quantization;

/// <summary>What the weights of a group share. A weight is scale · (code − zero), or scale · code + minimum.</summary>
/// <param name="Scale">The scale.</param>
/// <param name="Minimum">What the code 0 stands for.</param>
/// <param name="Zero">The code that stands for zero, which may be one that none has; null where no integer does so exactly.</param>
internal readonly record struct LatticeGroup(float Scale, float Minimum, int? Zero)
{
    /// <summary>Beyond it a product with a scale is no longer exact.</summary>
    private const int LargestZero = 1 << 12;

    /// <summary>A group as it is stored.</summary>
    /// <param name="scale">Its scale.</param>
    /// <param name="offset">Its zero, or its bias.</param>
    /// <param name="isBiased">Whether it is a bias.</param>
    public static LatticeGroup Of(float scale, float offset, bool isBiased)
        => isBiased ? new(scale, offset, ZeroOf(scale, offset)) : new(scale, -(scale * offset), IsZero(offset) ? (int)offset : null);

    private static int? ZeroOf(float scale, float bias)
    {
        if (bias == 0)
            return 0;
        var zero = MathF.Round(-bias / scale);
        return IsZero(zero) && -(scale * zero) == bias ? (int)zero : null;
    }

    private static bool IsZero(float value) => MathF.Abs(value) <= LargestZero && value == MathF.Truncate(value);
}
