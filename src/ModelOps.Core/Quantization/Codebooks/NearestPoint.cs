using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelOps.Quantization;

/// <summary>
/// Which neighbour of a pattern reproduces a group of weights best (iq2_find_best_neighbour, iq3_find_best_neighbour,
/// iq1_find_best_neighbour2): several candidates at once, one a lane, so that each sum keeps ggml's order.
/// </summary>
internal static class NearestPoint
{
    /// <summary>The pattern of the best point; of equally good ones the first.</summary>
    /// <param name="candidates">Points, a multiple of <see cref="Codebook.ListUnit"/>.</param>
    /// <param name="x">The group's weights.</param>
    /// <param name="importance">What each counts.</param>
    /// <param name="values">By code, what a weight becomes.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> for weights that are no numbers, or whose squares are none.</exception>
    public static ushort Find<TShape>(ReadOnlySpan<ushort> candidates, ReadOnlySpan<float> x, ReadOnlySpan<float> importance, Vector256<float> values)
        where TShape : struct, IGroupShape
    {
        ref var x0 = ref MemoryMarshal.GetReference(x[..TShape.Weights]);
        ref var importance0 = ref MemoryMarshal.GetReference(importance[..TShape.Weights]);
        var (error0, error1, error2, error3) = (Error(0, ref x0, ref importance0), Error(1, ref x0, ref importance0), Error(2, ref x0, ref importance0), Error(3, ref x0, ref importance0));
        var (error4, error5, error6, error7) = TShape.Weights == 4 ? default
            : (Error(4, ref x0, ref importance0), Error(5, ref x0, ref importance0), Error(6, ref x0, ref importance0), Error(7, ref x0, ref importance0));

        if (candidates.Length == Codebook.ListUnit)
        {
            var errors = Vector256.MinNative(Sums(candidates), Vector256.Create(float.MaxValue));
            var best = Least(errors);
            // Otherwise there are errors that are no numbers, which not every processor's minimum passes over.
            if (best < float.MaxValue)
                return candidates[BitOperations.TrailingZeroCount(Vector256.Equals(errors, Vector256.Create(best)).ExtractMostSignificantBits())];
        }
        var least = Vector256.Create(float.MaxValue);
        var firsts = Vector256<int>.Zero;
        for (var first = 0; first < candidates.Length; first += Codebook.ListUnit)
        {
            var sums = Sums(candidates[first..]);
            var isLess = Vector256.LessThan(sums, least);
            least = Vector256.ConditionalSelect(isLess, sums, least);
            firsts = Vector256.ConditionalSelect(isLess.AsInt32(), Vector256.Create(first), firsts);
        }
        return candidates[First(least, firsts)];

        // What it costs to take each code for a weight.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<float> Error(int i, ref float x0, ref float importance0)
        {
            var difference = values - Vector256.Create(Unsafe.Add(ref x0, i));
            return Vector256.Create(Unsafe.Add(ref importance0, i)) * difference * difference;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<float> Sums(ReadOnlySpan<ushort> points)
        {
            var patterns = Vector256.WidenLower(Vector128.Create(points).ToVector256Unsafe()).AsInt32();
            var sums = Pick(error0, patterns) + Pick(error1, patterns >>> TShape.Bits) + Pick(error2, patterns >>> (2 * TShape.Bits)) + Pick(error3, patterns >>> (3 * TShape.Bits));
            return TShape.Weights == 4 ? sums
                : sums + Pick(error4, patterns >>> (4 * TShape.Bits)) + Pick(error5, patterns >>> (5 * TShape.Bits)) + Pick(error6, patterns >>> (6 * TShape.Bits)) + Pick(error7, patterns >>> (7 * TShape.Bits));
        }
    }

    /// <summary>The element that the low 3 bits of each lane's index name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Pick(Vector256<float> elements, Vector256<int> indices)
        => Avx2.IsSupported ? Avx2.PermuteVar8x32(elements, indices) : Vector256.Shuffle(elements, indices & Vector256.Create(7));

    /// <summary>ggml ends the process here.</summary>
    public static ModelOpsException NoNumbers() => new(
        ErrorKind.UnsupportedType,
        "There are weights that are no numbers, or so large that their squares, or what they count by the importance matrix, are none; they cannot be written as IQ1, IQ2 or IQ3.",
        "Choose another type, and check the checkpoint: a model cannot compute with such weights.");

    /// <summary>Of the lanes with the least error, the place in the list that comes first.</summary>
    private static int First(Vector256<float> errors, Vector256<int> firsts)
    {
        var least = Least(errors);
        if (!(least < float.MaxValue))
            throw NoNumbers();
        var places = Vector256.ConditionalSelect(Vector256.Equals(errors, Vector256.Create(least)).AsInt32(), firsts + Vector256<int>.Indices, Vector256.Create(int.MaxValue));
        var half = Vector128.Min(places.GetLower(), places.GetUpper());
        half = Vector128.Min(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return Math.Min(half[0], half[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Least(Vector256<float> values)
    {
        var half = Vector128.MinNative(values.GetLower(), values.GetUpper());
        half = Vector128.MinNative(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MinNative(half, Vector128.Shuffle(half, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
