using System.Numerics;

namespace ModelOps.Quality;

/// <summary>What one row of logits says: sums in double, because a vocabulary has a quarter of a million terms.</summary>
internal static class LogitScores
{
    /// <summary>−log p(<paramref name="target"/>) of softmax(<paramref name="logits"/>), in nats.</summary>
    public static double NegativeLogLikelihood(ReadOnlySpan<float> logits, int target) => LogSumExp(logits, Max(logits)) - logits[target];

    /// <summary>
    /// The same, and how far the row is from a reference's: KL(reference ‖ model) in nats, and whether both have the same likeliest token
    /// (the first of equals).
    /// </summary>
    public static (double NegativeLogLikelihood, double Divergence, bool SameTop) Compare(ReadOnlySpan<float> logits, ReadOnlySpan<float> reference, int target)
    {
        float max = Max(logits);
        float referenceMax = Max(reference);
        double logSum = LogSumExp(logits, max);

        // KL = Σ p (r − m) − lse(r) + lse(m) with p = exp(r − max r) / Σ: one pass for both sums.
        Vector<double> sum = default;
        Vector<double> weighted = default;
        Vector<double> shift = new(referenceMax);
        int index = 0;
        for (; index <= logits.Length - Vector<float>.Count; index += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(reference[index..]), out Vector<double> referenceLow, out Vector<double> referenceHigh);
            Vector.Widen(new Vector<float>(logits[index..]), out Vector<double> low, out Vector<double> high);
            Vector<double> weightLow = Vector.Exp(referenceLow - shift);
            Vector<double> weightHigh = Vector.Exp(referenceHigh - shift);
            sum += weightLow + weightHigh;
            weighted += (weightLow * (referenceLow - low)) + (weightHigh * (referenceHigh - high));
        }
        double total = Vector.Sum(sum);
        double difference = Vector.Sum(weighted);
        for (; index < logits.Length; index++)
        {
            double weight = Math.Exp((double)reference[index] - referenceMax);
            total += weight;
            difference += weight * ((double)reference[index] - logits[index]);
        }
        double divergence = (difference / total) - (referenceMax + Math.Log(total)) + logSum;
        // Rounding makes equal rows differ by a few ulps of the sums, to either side.
        return (logSum - logits[target], Math.Max(divergence, 0), logits.IndexOf(max) == reference.IndexOf(referenceMax));
    }

    private static double LogSumExp(ReadOnlySpan<float> logits, float max)
    {
        Vector<double> sum = default;
        Vector<double> shift = new(max);
        int index = 0;
        for (; index <= logits.Length - Vector<float>.Count; index += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(logits[index..]), out Vector<double> low, out Vector<double> high);
            sum += Vector.Exp(low - shift) + Vector.Exp(high - shift);
        }
        double total = Vector.Sum(sum);
        for (; index < logits.Length; index++)
        {
            total += Math.Exp((double)logits[index] - max);
        }
        return max + Math.Log(total);
    }

    private static float Max(ReadOnlySpan<float> values)
    {
        float max = float.NegativeInfinity;
        int index = 0;
        if (values.Length >= Vector<float>.Count)
        {
            Vector<float> maxima = new(values);
            for (index = Vector<float>.Count; index <= values.Length - Vector<float>.Count; index += Vector<float>.Count)
            {
                maxima = Vector.Max(maxima, new Vector<float>(values[index..]));
            }
            for (int lane = 0; lane < Vector<float>.Count; lane++)
            {
                max = Math.Max(max, maxima[lane]);
            }
        }
        for (; index < values.Length; index++)
        {
            max = Math.Max(max, values[index]);
        }
        return max;
    }
}
