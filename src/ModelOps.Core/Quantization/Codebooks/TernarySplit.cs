namespace ModelOps.Quantization;

/// <summary>Where a sorted sub-block is cut into the weights that become −1, 0 and 1, all moved by an eighth.</summary>
/// <param name="Begin">How many become −1.</param>
/// <param name="End">How many become −1 or 0.</param>
/// <param name="Scale">The scale, perhaps negative.</param>
/// <param name="Shifts">Which parts of the sub-block are moved down, the last part's bit lowest.</param>
internal readonly record struct TernarySplit(int Begin, int End, float Scale, int Shifts)
{
    /// <summary>The places of the weights in ascending order, of equal ones the first first (glibc's qsort of pairs this short is stable).</summary>
    public static void Sort(ReadOnlySpan<float> x, Span<byte> order)
    {
        for (var i = 0; i < x.Length; i++)
        {
            var at = i;
            for (; at > 0 && x[order[at - 1]] > x[i]; at--)
                order[at] = order[at - 1];
            order[at] = (byte)i;
        }
    }
}
