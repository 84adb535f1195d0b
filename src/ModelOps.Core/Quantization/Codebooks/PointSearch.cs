using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// The search that the IQ2 and IQ3 types share: the scale at which points of a codebook reproduce a sub-block's magnitudes best. Several tries
/// are computed at once, one a lane, so that each sum keeps ggml's order.
/// </summary>
internal sealed class PointSearch(PointFormat format)
{
    private const int Lanes = 8;
    private const int MostGroups = 8;
    private const int MostWeights = 32;

    /// <summary>The scale, perhaps negative or no number, and the point of each group.</summary>
    /// <param name="x">Magnitudes, some of them negative where a sign could not be stored; at most 32.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="largest">What the largest code stands for in the middle try.</param>
    /// <param name="scale">The scale if no try reproduces anything.</param>
    /// <param name="points">The groups' patterns.</param>
    public float Run(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float largest, float scale, Span<ushort> points)
        => format.Codebook.Value.Bits == Quartet.Bits ? Run<Quartet>(x, weights, largest, scale, points) : Run<Octet>(x, weights, largest, scale, points);

    [SkipLocalsInit]
    private float Run<TShape>(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float largest, float scale, Span<ushort> points)
        where TShape : struct, IGroupShape
    {
        var codebook = format.Codebook.Value;
        var levels = codebook.Levels;
        Span<float> roots = stackalloc float[MostWeights];
        for (var i = 0; i < x.Length; i++)
            roots[i] = MathF.Sqrt(weights[i]);
        Span<int> patterns = stackalloc int[MostGroups * Lanes];
        Span<int> missed = stackalloc int[Lanes];
        Span<float> scales = stackalloc float[Lanes];
        points.Clear();
        var best = 0f;
        var offGrid = format.Rerounding == Rerounding.OffGrid ? 0 : -1;
        for (var first = -format.Tries; first <= format.Tries; first += Lanes)
        {
            var inverse = (Vector256.Create((float)codebook.TopLevel) + ((Vector256.Create((float)first) + Vector256<float>.Indices) * format.StepWidth)) / largest;
            (Vector256<float>.One / inverse).CopyTo(scales);
            var count = Math.Min(Lanes, format.Tries - first + 1);
            missed.Clear();
            for (var group = 0; group < points.Length; group++)
            {
                var at = group * TShape.Weights;
                var row = patterns.Slice(group * Lanes, Lanes);
                Round<TShape>(x[at..], inverse, codebook.LargestCode).CopyTo(row);
                for (var lane = 0; lane < count; lane++)
                {
                    if (codebook.Contains(row[lane]))
                        continue;
                    row[lane] = NearestPoint.Find<TShape>(codebook.NeighboursOf(row[lane]), x[at..], roots[at..], levels * scales[lane]);
                    missed[lane] |= 1 << group;
                }
            }
            var (sumQX, sumQ2) = Sums<TShape>(x, weights, patterns, levels);
            for (var lane = 0; lane < count; lane++)
            {
                if (!(sumQ2[lane] > 0 && sumQX[lane] * sumQX[lane] > best * sumQ2[lane]))
                    continue;
                scale = sumQX[lane] / sumQ2[lane];
                best = scale * sumQX[lane];
                offGrid = missed[lane];
                for (var group = 0; group < points.Length; group++)
                    points[group] = (ushort)patterns[(group * Lanes) + lane];
            }
        }
        return scale > 0 && (offGrid != 0 || format.Rerounding == Rerounding.All) ? Reround<TShape>(x, weights, roots, scale, format.Rerounding == Rerounding.OffGrid ? offGrid : -1, points) : scale;
    }

    /// <summary>Rounds groups anew, for a scale that fits all points best.</summary>
    private float Reround<TShape>(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<float> roots, float scale, int which, Span<ushort> points)
        where TShape : struct, IGroupShape
    {
        var codebook = format.Codebook.Value;
        Span<int> patterns = stackalloc int[MostGroups * Lanes];
        for (var group = 0; group < points.Length; group++)
        {
            if ((which >> group & 1) != 0)
            {
                var at = group * TShape.Weights;
                var pattern = Round<TShape>(x[at..], Vector256.Create(1 / scale), codebook.LargestCode).ToScalar();
                points[group] = codebook.Contains(pattern) ? (ushort)pattern
                    : NearestPoint.Find<TShape>(codebook.NeighboursOf(pattern), x[at..], roots[at..], codebook.Levels * scale);
            }
            patterns.Slice(group * Lanes, Lanes).Fill(points[group]);
        }
        var (sumQX, sumQ2) = Sums<TShape>(x, weights, patterns, codebook.Levels);
        return sumQ2[0] > 0 ? sumQX[0] / sumQ2[0] : scale;
    }

    /// <summary>The pattern of a group of weights, each rounded to a code by itself, for the scale of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round<TShape>(ReadOnlySpan<float> x, Vector256<float> inverse, int largestCode)
        where TShape : struct, IGroupShape
    {
        var patterns = Vector256<int>.Zero;
        for (var i = 0; i < TShape.Weights; i++)
        {
            var codes = Rounding.Nearest(((inverse * x[i]) - Vector256<float>.One) * 0.5f);
            patterns |= Vector256.Max(Vector256<int>.Zero, Vector256.Min(Vector256.Create(largestCode), codes)) << (TShape.Bits * i);
        }
        return patterns;
    }

    private static (Vector256<float> SumQX, Vector256<float> SumQ2) Sums<TShape>(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<int> patterns, Vector256<float> levels)
        where TShape : struct, IGroupShape
    {
        var (sumQX, sumQ2) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var i = 0; i < x.Length; i++)
        {
            var pattern = Vector256.Create(patterns[(i / TShape.Weights * Lanes)..]);
            var level = NearestPoint.Pick(levels, pattern >>> (i % TShape.Weights * TShape.Bits));
            sumQX += level * (weights[i] * x[i]);
            sumQ2 += Vector256.Create(weights[i]) * level * level;
        }
        return (sumQX, sumQ2);
    }
}
