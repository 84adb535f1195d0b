namespace ModelOps.Quantization;

/// <summary>‖W − Q‖² / ‖W‖², each column weighted by what it matters: the same number wherever errors of weights are compared.</summary>
internal static class RelativeError
{
    /// <summary>Adds a row to both sums.</summary>
    /// <param name="weights">A row of W.</param>
    /// <param name="rounded">The row of Q.</param>
    /// <param name="importance">What each column matters; empty when all matter the same.</param>
    /// <param name="error">Σ i·(w − q)².</param>
    /// <param name="energy">Σ i·w².</param>
    public static void Add(ReadOnlySpan<float> weights, ReadOnlySpan<float> rounded, ReadOnlySpan<float> importance, ref double error, ref double energy)
    {
        for (var column = 0; column < weights.Length; column++)
        {
            var (weight, matters) = ((double)weights[column], importance.IsEmpty ? 1.0 : importance[column]);
            var difference = weight - rounded[column];
            error += matters * difference * difference;
            energy += matters * weight * weight;
        }
    }
}
