using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelOps.Quantization;

/// <summary>
/// Which neighbour of a pattern reproduces a group of weights best (iq2_find_best_neighbour, iq3_find_best_neighbour,
/// iq1_find_best_neighbour2): several candidates at once, one a lane, so that each sum keeps ggml's order.
/// </summary>
internal static class NearestPoint
{
    private const int MostDimensions = 8;

    /// <summary>The pattern of the best point; of equally good ones the first.</summary>
    /// <param name="candidates">Points, a multiple of <see cref="Codebook.ListUnit"/>.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="x">The group's weights.</param>
    /// <param name="importance">What each counts.</param>
    /// <param name="levels">By code, what a weight becomes: this times the scale.</param>
    /// <param name="scale">The scale.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> for weights that are no numbers, or whose squares are none.</exception>
    [SkipLocalsInit]
    public static ushort Find(ReadOnlySpan<ushort> candidates, int bits, ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Vector256<float> levels, float scale)
    {
        Span<Vector256<float>> errors = stackalloc Vector256<float>[MostDimensions];
        var values = levels * scale;
        for (var i = 0; i < x.Length; i++)
        {
            var difference = values - Vector256.Create(x[i]);
            errors[i] = Vector256.Create(importance[i]) * difference * difference;
        }

        var least = Vector256.Create(float.MaxValue);
        var at = Vector256.Create(-1);
        for (var first = 0; first < candidates.Length; first += Codebook.ListUnit)
        {
            var patterns = Vector256.WidenLower(Vector128.Create(candidates[first..]).ToVector256Unsafe()).AsInt32();
            var sums = Vector256<float>.Zero;
            for (var i = 0; i < x.Length; i++)
                sums += Pick(errors[i], patterns >>> (bits * i));
            var isLess = Vector256.LessThan(sums, least);
            least = Vector256.ConditionalSelect(isLess, sums, least);
            at = Vector256.ConditionalSelect(isLess.AsInt32(), Vector256.Create(first), at);
        }
        return candidates[First(least, at)];
    }

    /// <summary>Of the lanes with the least error, the place in the list that comes first.</summary>
    private static int First(Vector256<float> errors, Vector256<int> firsts)
    {
        var halves = Vector128.Min(errors.GetLower(), errors.GetUpper());
        halves = Vector128.Min(halves, Vector128.Shuffle(halves, Vector128.Create(2, 3, 0, 1)));
        var least = Vector256.Create(MathF.Min(halves[0], halves[1]));
        var places = Vector256.ConditionalSelect(Vector256.Equals(errors, least).AsInt32() & Vector256.GreaterThanOrEqual(firsts, Vector256<int>.Zero), firsts + Vector256<int>.Indices, Vector256.Create(int.MaxValue));
        var low = Vector128.Min(places.GetLower(), places.GetUpper());
        low = Vector128.Min(low, Vector128.Shuffle(low, Vector128.Create(2, 3, 0, 1)));
        var place = Math.Min(low[0], low[1]);
        return place != int.MaxValue ? place : throw NoNumbers();
    }

    /// <summary>The element that the low 3 bits of each lane's index name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Pick(Vector256<float> elements, Vector256<int> indices)
        => Avx2.IsSupported ? Avx2.PermuteVar8x32(elements, indices) : Vector256.Shuffle(elements, indices & Vector256.Create(7));

    /// <summary>ggml ends the process here.</summary>
    public static ModelOpsException NoNumbers() => new(
        ErrorKind.UnsupportedType,
        "There are weights that are no numbers, or so large that their squares are none; they cannot be written as IQ1, IQ2 or IQ3.",
        "Choose another type, and check the checkpoint: a model cannot compute with such weights.");
}
