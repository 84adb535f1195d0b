namespace ModelOps.Quantization;

/// <summary>A sub-block of the IQ1 types: from the split of its weights to points of the codebook.</summary>
internal static class TernarySubBlock
{
    private const int Dimensions = 8;
    private const int MostWeights = 32;

    /// <summary>The scale, which parts are moved down, and the points of the groups.</summary>
    /// <param name="x">The weights.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="order">Their places in ascending order.</param>
    /// <param name="split">Where they are cut.</param>
    /// <param name="parts">In how many parts they are moved up or down.</param>
    /// <param name="points">The groups' patterns.</param>
    public static (float Scale, int Shifts) Encode(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> order, TernarySplit split, int parts, Span<ushort> points)
    {
        Span<byte> codes = stackalloc byte[MostWeights];
        var (scale, shifts) = (split.Scale, split.Shifts);
        var isNegative = scale < 0;
        if (isNegative)
            (scale, shifts) = (-scale, ~shifts & ((1 << parts) - 1));
        for (var i = 0; i < order.Length; i++)
        {
            var code = i < split.Begin ? 0 : i < split.End ? 1 : 2;
            codes[order[i]] = (byte)(isNegative ? 2 - code : code);
        }
        var codebook = Codebook.IQ1.Value;
        var isMoved = false;
        for (var group = 0; group < points.Length; group++)
        {
            var at = group * Dimensions;
            var pattern = 0;
            for (var i = 0; i < Dimensions; i++)
                pattern |= codes[at + i] << (2 * i);
            isMoved |= !codebook.Contains(pattern);
            points[group] = codebook.Contains(pattern) ? (ushort)pattern
                : NearestPoint.Find<Octet>(codebook.NeighboursOf(pattern), x[at..], weights[at..], TernaryPoints.Levels(IsDown(shifts, group, parts)) * scale);
        }
        if (isMoved)
        {
            var (sumQX, sumQ2) = Sums(x, weights, points, shifts, parts);
            if (sumQX > 0 && sumQ2 > 0)
                scale = sumQX / sumQ2;
        }
        return scale >= 0 ? (scale, shifts) : throw NearestPoint.NoNumbers();
    }

    /// <summary>Whether a group of 8 is moved down.</summary>
    public static bool IsDown(int shifts, int group, int parts) => (shifts >> (parts - 1 - (group % parts)) & 1) != 0;

    private static (float SumQX, float SumQ2) Sums(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<ushort> points, int shifts, int parts)
    {
        var (sumQX, sumQ2) = (0f, 0f);
        for (var i = 0; i < x.Length; i++)
        {
            var level = TernaryPoints.Levels(IsDown(shifts, i / Dimensions, parts))[points[i / Dimensions] >> (2 * (i % Dimensions)) & 3];
            sumQX += weights[i] * level * x[i];
            sumQ2 += weights[i] * level * level;
        }
        return (sumQX, sumQ2);
    }
}
