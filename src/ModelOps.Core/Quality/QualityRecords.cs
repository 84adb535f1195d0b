namespace ModelOps;

/// <summary>What to measure.</summary>
public sealed record MeasureRequest
{
    /// <summary>The GGUF file.</summary>
    public required string ModelPath { get; init; }
    /// <summary>The text.</summary>
    public required string Text { get; init; }
    /// <summary>GGUF file of the reference model, or null.</summary>
    public string? ReferencePath { get; init; }
    /// <summary>Tokens in one row.</summary>
    public int ContextLength { get; init; } = 512;
    /// <summary>Layers on GPUs; -1 all, 0 none.</summary>
    public int GpuLayers { get; init; } = -1;
    /// <summary>Threads; 0 means one a physical core, fewer for a model of a few MB.</summary>
    public int Threads { get; init; }
}

/// <summary>What a model's answers are worth, and how far they are from a reference's.</summary>
/// <param name="Tokens">Tokens that were scored.</param>
/// <param name="Perplexity">exp of the mean negative log-likelihood.</param>
/// <param name="Kld">Mean Kullback-Leibler divergence from the reference, in nats; null without a reference.</param>
/// <param name="Top1Agreement">Fraction of tokens, 0 … 1, whose likeliest candidate is the reference's; null without a reference.</param>
/// <param name="TokensPerSecond">Speed of scoring.</param>
public sealed record QualityResult(long Tokens, double Perplexity, double? Kld, double? Top1Agreement, double TokensPerSecond)
{
    /// <summary>The model that was measured, so that results can be put side by side; filled in by the front ends.</summary>
    public string? Model { get; init; }
    /// <summary>The reference it was compared with, or null.</summary>
    public string? Reference { get; init; }
}

/// <summary>How far a measurement is.</summary>
/// <param name="TokensDone">Tokens read so far.</param>
/// <param name="TotalTokens">Tokens to read.</param>
public sealed record MeasureProgress(long TokensDone, long TotalTokens);
