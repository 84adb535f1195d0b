using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

internal static partial class Block
{
    /// <summary>The largest magnitude; what is no number does not count.</summary>
    /// <param name="x">A multiple of 8 weights.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Magnitude(ReadOnlySpan<float> x)
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < x.Length; i += 8)
        {
            var magnitude = Vector256.Abs(Vector256.Create(x[i..]));
            largest = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, largest), magnitude, largest);
        }
        return Largest(largest);
    }

    /// <summary>The value of largest magnitude with its sign, the first one of several; 0 for a zero block.</summary>
    /// <param name="x">A multiple of 8 weights, at most 64.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SignedMaximum(ReadOnlySpan<float> x)
    {
        var magnitude = Magnitude(x);
        // Not an element: it could be a minus zero.
        if (magnitude == 0)
            return 0;
        var where = 0ul;
        for (var i = 0; i < x.Length; i += 8)
            where |= (ulong)Vector256.Equals(Vector256.Abs(Vector256.Create(x[i..])), Vector256.Create(magnitude)).ExtractMostSignificantBits() << i;
        return x[BitOperations.TrailingZeroCount(where)];
    }

    /// <summary>Smallest and largest value; the first one where both zeros are the smallest.</summary>
    /// <param name="x">A multiple of 8 weights.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float Minimum, float Maximum) Range(ReadOnlySpan<float> x)
    {
        var (smallest, largest) = (Vector256.Create(float.MaxValue), Vector256.Create(-float.MaxValue));
        for (var i = 0; i < x.Length; i += 8)
        {
            var value = Vector256.Create(x[i..]);
            smallest = Vector256.ConditionalSelect(Vector256.LessThan(value, smallest), value, smallest);
            largest = Vector256.ConditionalSelect(Vector256.GreaterThan(value, largest), value, largest);
        }
        // The largest value's sign of zero shows only where the smallest value is a zero too.
        var minimum = -Largest(-smallest);
        return minimum == 0 ? RangeInOrder(x) : (minimum, Largest(largest));
    }

    private static (float Minimum, float Maximum) RangeInOrder(ReadOnlySpan<float> x)
    {
        var (minimum, maximum) = (float.MaxValue, -float.MaxValue);
        foreach (var value in x)
        {
            minimum = value < minimum ? value : minimum;
            maximum = value > maximum ? value : maximum;
        }
        return (minimum, maximum);
    }

    private static float Largest(Vector256<float> numbers)
    {
        var four = Vector128.MaxNative(numbers.GetLower(), numbers.GetUpper());
        var two = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
