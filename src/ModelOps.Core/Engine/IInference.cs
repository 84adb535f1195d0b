namespace ModelOps;

/// <summary>
/// A model that can be asked: loaded here (<see cref="IModelRunner"/>), or served elsewhere. Many may ask at once; what cannot be worked on yet waits, in the order of
/// its coming.
/// </summary>
public interface IInference
{
    /// <summary>
    /// Answers; <paramref name="progress"/> sees every token as it comes, in order, on any thread. Cancelled between tokens: <see cref="OperationCanceledException"/>;
    /// other calls are not disturbed.
    /// </summary>
    Task<GenerationResult> GenerateAsync(GenerationRequest request, IProgress<GeneratedToken>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>The vectors of texts.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ContextFull"/> for a text that is too long; <see cref="ErrorKind.InvalidArgument"/>.</exception>
    Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken = default);

    /// <summary>How well documents answer a query, by a model that was trained to tell.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a model that cannot; <see cref="ErrorKind.ContextFull"/>.</exception>
    Task<RerankResult> RerankAsync(RerankRequest request, CancellationToken cancellationToken = default);
}
