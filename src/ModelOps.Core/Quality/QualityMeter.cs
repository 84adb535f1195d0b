namespace ModelOps;

/// <summary>Perplexity, Kullback-Leibler divergence and top-1 agreement of a model on a text.</summary>
public static class QualityMeter
{
    /// <summary>
    /// Cuts the text into rows of <see cref="MeasureRequest.ContextLength"/> tokens (no BOS) and scores tokens 1 … of every row. With a reference, both models see
    /// the same rows in step and nothing is stored.
    /// </summary>
    public static Task<QualityResult> MeasureAsync(MeasureRequest request, IProgress<MeasureProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
