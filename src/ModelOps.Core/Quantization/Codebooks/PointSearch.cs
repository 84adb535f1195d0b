using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>Which groups of a sub-block are rounded once more with the scale that was found.</summary>
internal enum Rerounding
{
    /// <summary>Those that are no point of the codebook.</summary>
    OffGrid,

    /// <summary>All, if one of them is no point, or no try reproduced anything.</summary>
    AllIfOffGrid,

    /// <summary>All.</summary>
    All,
}

/// <summary>
/// The search that the IQ2 and IQ3 types share: the scale at which points of a codebook reproduce a sub-block's magnitudes best. Several tries
/// are computed at once, one a lane, so that each sum keeps ggml's order.
/// </summary>
/// <param name="Codebook">The points.</param>
/// <param name="Tries">Scales to try above and below the one that makes the largest magnitude the largest code.</param>
/// <param name="StepWidth">From one try to the next, in units of a code.</param>
/// <param name="Rerounding">What is rounded again at the end.</param>
internal sealed record PointSearch(Lazy<Codebook> Codebook, int Tries, float StepWidth, Rerounding Rerounding)
{
    private const int Lanes = 8;
    private const int MostGroups = 8;
    private const int MostWeights = 32;

    /// <summary>The scale, and the point of each group.</summary>
    /// <param name="x">Magnitudes, some of them negative where a sign could not be stored; at most 32.</param>
    /// <param name="weights">What each counts.</param>
    /// <param name="largest">What the largest code stands for in the middle try.</param>
    /// <param name="scale">The scale if no try reproduces anything.</param>
    /// <param name="points">The groups' patterns.</param>
    [SkipLocalsInit]
    public float Run(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float largest, float scale, Span<ushort> points)
    {
        var codebook = Codebook.Value;
        Span<float> roots = stackalloc float[MostWeights];
        for (var i = 0; i < x.Length; i++)
            roots[i] = MathF.Sqrt(weights[i]);
        var groups = x.Length / codebook.Dimensions;
        Span<int> patterns = stackalloc int[MostGroups * Lanes];
        Span<int> missed = stackalloc int[Lanes];
        points[..groups].Clear();
        var best = 0f;
        var offGrid = Rerounding == Rerounding.OffGrid ? 0 : (1 << groups) - 1;
        for (var first = -Tries; first <= Tries; first += Lanes)
        {
            var inverse = (Vector256.Create((float)codebook.TopLevel) + ((Vector256.Create((float)first) + Vector256<float>.Indices) * StepWidth)) / largest;
            var scales = Vector256<float>.One / inverse;
            var count = Math.Min(Lanes, Tries - first + 1);
            missed.Clear();
            for (var group = 0; group < groups; group++)
            {
                var at = group * codebook.Dimensions;
                Round(x.Slice(at, codebook.Dimensions), inverse).CopyTo(patterns[(group * Lanes)..]);
                for (var lane = 0; lane < count; lane++)
                {
                    ref var pattern = ref patterns[(group * Lanes) + lane];
                    if (codebook.Contains(pattern))
                        continue;
                    pattern = NearestPoint.Find(codebook.NeighboursOf(pattern), codebook.Bits, x.Slice(at, codebook.Dimensions), roots[at..], codebook.Levels, scales[lane]);
                    missed[lane] |= 1 << group;
                }
            }
            var (sumQX, sumQ2) = Sums(x, weights, patterns);
            for (var lane = 0; lane < count; lane++)
            {
                if (!(sumQ2[lane] > 0 && sumQX[lane] * sumQX[lane] > best * sumQ2[lane]))
                    continue;
                scale = sumQX[lane] / sumQ2[lane];
                best = scale * sumQX[lane];
                offGrid = missed[lane];
                for (var group = 0; group < groups; group++)
                    points[group] = (ushort)patterns[(group * Lanes) + lane];
            }
        }
        return float.IsNaN(scale) ? throw NearestPoint.NoNumbers() : scale > 0 && (offGrid != 0 || Rerounding == Rerounding.All) ? Reround(x, weights, roots, scale, Rerounding == Rerounding.OffGrid ? offGrid : -1, points) : scale;
    }

    private float Reround(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<float> roots, float scale, int which, Span<ushort> points)
    {
        var codebook = Codebook.Value;
        Span<int> patterns = stackalloc int[MostGroups * Lanes];
        for (var group = 0; group < x.Length / codebook.Dimensions; group++)
        {
            var at = group * codebook.Dimensions;
            if ((which >> group & 1) != 0)
            {
                var pattern = Round(x.Slice(at, codebook.Dimensions), Vector256.Create(1 / scale)).ToScalar();
                points[group] = codebook.Contains(pattern) ? (ushort)pattern
                    : NearestPoint.Find(codebook.NeighboursOf(pattern), codebook.Bits, x.Slice(at, codebook.Dimensions), roots[at..], codebook.Levels, scale);
            }
            patterns.Slice(group * Lanes, Lanes).Fill(points[group]);
        }
        var (sumQX, sumQ2) = Sums(x, weights, patterns);
        return sumQ2[0] > 0 ? sumQX[0] / sumQ2[0] : scale;
    }

    /// <summary>The pattern of a group of weights, each rounded to a code by itself, for the scale of each lane.</summary>
    private Vector256<int> Round(ReadOnlySpan<float> x, Vector256<float> inverse)
    {
        var codebook = Codebook.Value;
        var largestCode = Vector256.Create(codebook.LargestCode);
        var patterns = Vector256<int>.Zero;
        for (var i = 0; i < x.Length; i++)
        {
            // nearest_int, garbage beyond 2^22 included.
            var scaled = ((inverse * x[i]) - Vector256<float>.One) * 0.5f;
            var codes = ((scaled + Vector256.Create(Rounding.NearestMagic)).AsInt32() & Vector256.Create(0x007F_FFFF)) - Vector256.Create(0x0040_0000);
            patterns |= Vector256.Max(Vector256<int>.Zero, Vector256.Min(largestCode, codes)) << (codebook.Bits * i);
        }
        return patterns;
    }

    private (Vector256<float> SumQX, Vector256<float> SumQ2) Sums(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<int> patterns)
    {
        var codebook = Codebook.Value;
        var mask = Vector256.Create((1 << codebook.Bits) - 1);
        var (sumQX, sumQ2) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var group = 0; group < x.Length / codebook.Dimensions; group++)
        {
            var pattern = Vector256.Create(patterns.Slice(group * Lanes, Lanes));
            for (var i = 0; i < codebook.Dimensions; i++)
            {
                var at = (group * codebook.Dimensions) + i;
                var codes = (pattern >>> (codebook.Bits * i)) & mask;
                var level = Vector256.ConvertToSingle(codes + codes + Vector256<int>.One);
                sumQX += Vector256.Create(weights[at] * x[at]) * level;
                sumQ2 += Vector256.Create(weights[at]) * level * level;
            }
        }
        return (sumQX, sumQ2);
    }
}
