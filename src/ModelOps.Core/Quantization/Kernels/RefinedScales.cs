using System.Runtime.CompilerServices;

namespace ModelOps.Quantization;

/// <summary>Runs a <see cref="ScaleRefinement"/> over many sub-blocks, as many at once as the processor has lanes, several panels interleaved.</summary>
internal static class RefinedScales
{
    private const int MostPanels = 8;
    private const int LongestSubBlock = 16;

    /// <summary>Scale and codes of each sub-block of <paramref name="length"/> weights, at most 16.</summary>
    public static void Find(ScaleRefinement refinement, ReadOnlySpan<float> x, int length, Span<float> scales, Span<byte> codes)
    {
        for (var first = 0; first < scales.Length;)
        {
            var lanes = LaneWidth.For(scales.Length - first);
            var count = Math.Min((scales.Length - first) / lanes, MostPanels) * lanes;
            var part = x.Slice(first * length, count * length);
            var scale = scales.Slice(first, count);
            var code = codes.Slice(first * length, count * length);
            var found = lanes switch
            {
                16 => TryFind<Lanes16>(refinement, part, length, scale, code),
                8 => TryFind<Lanes8>(refinement, part, length, scale, code),
                _ => TryFind<Lanes1>(refinement, part, length, scale, code),
            };
            for (var one = 0; !found && one < count; one++)
                TryFind<Lanes1>(refinement, part.Slice(one * length, length), length, scale.Slice(one, 1), code.Slice(one * length, length));
            first += count;
        }
    }

    [SkipLocalsInit]
    private static bool TryFind<T>(ScaleRefinement refinement, ReadOnlySpan<float> x, int length, Span<float> scales, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        Span<T> columns = stackalloc T[MostPanels * LongestSubBlock];
        Span<T> found = stackalloc T[MostPanels * LongestSubBlock];
        Span<T> factors = stackalloc T[MostPanels];
        var panels = scales.Length / T.Count;
        columns = columns[..(panels * length)];
        for (var panel = 0; panel < panels; panel++)
            LaneWidth.Transpose(x.Slice(panel * T.Count * length, T.Count * length), columns.Slice(panel * length, length));
        if (!refinement.TryRun<T>(columns, panels, found, factors))
            return false;
        for (var panel = 0; panel < panels; panel++)
        {
            factors[panel].Store(scales[(panel * T.Count)..]);
            LaneWidth.StoreCodes(found.Slice(panel * length, length), codes[(panel * T.Count * length)..]);
        }
        return true;
    }
}
