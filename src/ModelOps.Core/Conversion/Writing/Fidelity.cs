using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelOps.Conversion;

/// <summary>
/// How near some weights came back: those of chunks are added to those of tensors, of tensors to those of a model. The sums are the same on every
/// processor, and so is what is added in the same order.
/// </summary>
/// <param name="ExactWeights">Weights that come back bit for bit.</param>
/// <param name="LargestError">Largest error; infinite where a weight became infinite.</param>
/// <param name="SquaredErrors">Sum of the squares of the errors.</param>
/// <param name="SquaredWeights">Sum of the squares of the weights that were encoded; those that were copied are not looked at.</param>
internal readonly record struct Fidelity(long ExactWeights, float LargestError = 0, double SquaredErrors = 0, double SquaredWeights = 0)
{
    /// <summary>Vectors that are summed up in floats before they are in doubles: too few to lose more than a millionth.</summary>
    private const int RunVectors = 32;

    /// <summary>Below it some squares may have been lost.</summary>
    private const double LeastSum = 1e-30;

    /// <summary>The errors as a fraction of the weights, both as root mean squares; 0 without errors.</summary>
    public double RelativeError => SquaredErrors == 0 ? 0 : Math.Sqrt(SquaredErrors / SquaredWeights);

    public static Fidelity operator +(Fidelity left, Fidelity right)
        => new(left.ExactWeights + right.ExactWeights, MathF.Max(left.LargestError, right.LargestError), left.SquaredErrors + right.SquaredErrors, left.SquaredWeights + right.SquaredWeights);

    /// <summary>The root mean square of the errors of so many weights.</summary>
    public double RmsError(long weights) => weights == 0 ? 0 : Math.Sqrt(SquaredErrors / weights);

    /// <summary>Compares what weights decode to with what they were. Weights that are no numbers have no error.</summary>
    /// <param name="exactWeights">How many are exact.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="decoded">What they decode to.</param>
    public static Fidelity Of(long exactWeights, ReadOnlySpan<float> weights, ReadOnlySpan<float> decoded)
    {
        var from = MemoryMarshal.Cast<float, Vector256<float>>(weights);
        var to = MemoryMarshal.Cast<float, Vector256<float>>(decoded);
        var (largest, errors, squares) = (Vector256<float>.Zero, 0d, 0d);
        var vectors = from.Length - (from.Length % RunVectors);
        for (var start = 0; start < vectors; start += RunVectors)
        {
            var (someErrors, moreErrors, someSquares, moreSquares) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var i = start; i < start + RunVectors; i += 2)
            {
                var error = Vector256.Abs(from[i] - to[i]);
                var next = Vector256.Abs(from[i + 1] - to[i + 1]);
                largest = Vector256.MaxNative(largest, Vector256.MaxNative(error, next));
                someErrors += error * error;
                moreErrors += next * next;
                someSquares += from[i] * from[i];
                moreSquares += from[i + 1] * from[i + 1];
            }
            errors += Sum(someErrors + moreErrors);
            squares += Sum(someSquares + moreSquares);
        }
        vectors *= Vector256<float>.Count;
        // A square is beyond a float, or below its least, long before the weight is.
        var worst = Largest(largest);
        return (worst == 0 || errors > LeastSum) && squares > LeastSum && errors < double.PositiveInfinity && squares < double.PositiveInfinity
            ? OneByOne(new Fidelity(exactWeights, worst, errors, squares), weights[vectors..], decoded[vectors..])
            : OneByOne(new Fidelity(exactWeights), weights, decoded);
    }

    private static Fidelity OneByOne(Fidelity fidelity, ReadOnlySpan<float> weights, ReadOnlySpan<float> decoded)
    {
        var (largest, errors, squares) = (fidelity.LargestError, fidelity.SquaredErrors, fidelity.SquaredWeights);
        for (var i = 0; i < weights.Length; i++)
        {
            if (!float.IsFinite(weights[i]))
                continue;
            var error = float.IsNaN(decoded[i]) ? float.PositiveInfinity : MathF.Abs(weights[i] - decoded[i]);
            largest = MathF.Max(largest, error);
            errors += (double)error * error;
            squares += (double)weights[i] * weights[i];
        }
        return fidelity with { LargestError = largest, SquaredErrors = errors, SquaredWeights = squares };
    }

    /// <summary>In one order, whatever the processor.</summary>
    private static double Sum(Vector256<float> values)
    {
        var (low, high) = Vector256.Widen(values);
        var sum = low + high;
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }

    private static float Largest(Vector256<float> values)
    {
        var largest = 0f;
        for (var i = 0; i < Vector256<float>.Count; i++)
            largest = MathF.Max(largest, values[i]);
        return largest;
    }
}
