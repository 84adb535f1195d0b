using System.Numerics;

namespace ModelOps.Engine;

/// <summary>The greedy choice.</summary>
internal static class LargestLogit
{
    /// <summary>The first of the largest; 0 where nothing compares (llama_sampler_greedy).</summary>
    /// <param name="logits">[vocabulary]</param>
    public static int Find(ReadOnlySpan<float> logits)
    {
        float largest = Largest(logits);
        return Math.Max(logits.IndexOf(largest), 0);
    }

    private static float Largest(ReadOnlySpan<float> logits)
    {
        int whole = logits.Length - (logits.Length % Vector<float>.Count);
        // A comparison with what is no number is false, and keeps what was there: llama.cpp compares in the same way.
        Vector<float> lanes = new(float.NegativeInfinity);
        for (int index = 0; index < whole; index += Vector<float>.Count)
        {
            Vector<float> next = new(logits[index..]);
            lanes = Vector.ConditionalSelect(Vector.GreaterThan(next, lanes), next, lanes);
        }
        float largest = float.NegativeInfinity;
        for (int lane = 0; lane < Vector<float>.Count; lane++)
        {
            largest = lanes[lane] > largest ? lanes[lane] : largest;
        }
        foreach (float logit in logits[whole..])
        {
            largest = logit > largest ? logit : largest;
        }
        return largest;
    }
}
