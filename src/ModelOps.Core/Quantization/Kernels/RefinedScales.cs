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
            switch (lanes)
            {
                case 16:
                    Find<Lanes16>(refinement, part, length, scale, code);
                    break;
                case 8:
                    Find<Lanes8>(refinement, part, length, scale, code);
                    break;
                default:
                    Find<Lanes1>(refinement, part, length, scale, code);
                    break;
            }
            first += count;
        }
    }

    [SkipLocalsInit]
    private static void Find<T>(ScaleRefinement refinement, ReadOnlySpan<float> x, int length, Span<float> scales, Span<byte> codes)
        where T : unmanaged, ILanes<T>
    {
        var panels = scales.Length / T.Count;
        var elements = panels * length;
        var room = LaneWidth.Align<T>(stackalloc byte[(((2 * MostPanels * LongestSubBlock) + MostPanels) * Unsafe.SizeOf<T>()) + LaneWidth.Alignment]);
        var columns = room[..elements];
        var found = room.Slice(elements, elements);
        var factors = room.Slice(2 * elements, panels);
        for (var panel = 0; panel < panels; panel++)
            LaneWidth.Transpose(x.Slice(panel * T.Count * length, T.Count * length), columns.Slice(panel * length, length));
        refinement.Run<T>(columns, panels, found, factors);
        for (var panel = 0; panel < panels; panel++)
        {
            factors[panel].Store(scales[(panel * T.Count)..]);
            LaneWidth.StoreCodes(found.Slice(panel * length, length), codes[(panel * T.Count * length)..]);
        }
    }
}
