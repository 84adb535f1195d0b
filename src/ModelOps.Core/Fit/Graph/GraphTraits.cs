namespace ModelOps.Fit.Graph;

/// <summary>Where the rows that logits are wanted of are picked out.</summary>
internal enum OutputRows
{
    /// <summary>After the last layer's attention.</summary>
    InLastLayer,

    /// <summary>Before the last norm; what goes into it is an output too, for heads that predict further tokens.</summary>
    BeforeNorm,

    /// <summary>After the last norm, whose result is an output too.</summary>
    AfterNorm,
}

/// <summary>How an architecture's graph differs from most others' where its weights do not tell.</summary>
internal sealed record GraphTraits
{
    private static readonly GraphTraits Usual = new();

    private static readonly Dictionary<string, GraphTraits> Traits = new(StringComparer.Ordinal)
    {
        ["llama"] = Usual,
        ["qwen2"] = Usual,
        ["qwen2moe"] = Usual,
        ["qwen3"] = Usual,
        ["qwen3moe"] = Usual,
        ["gemma"] = new() { ScalesEmbedding = true, ScalesQueries = true },
        ["gemma2"] = new() { ScalesEmbedding = true, ScalesQueries = true },
        ["gemma3"] = new() { ScalesEmbedding = true, ScalesQueries = true },
        ["granite"] = Usual,
        ["deepseek2"] = Usual,
        ["gpt-oss"] = new() { OutputRows = OutputRows.BeforeNorm },
        ["qwen3next"] = new() { OutputRows = OutputRows.AfterNorm, NormIsPlacedFirst = true, RepeatsKeys = true },
        ["qwen35"] = new() { OutputRows = OutputRows.AfterNorm, NormIsPlacedFirst = true, PositionsPerToken = 4 },
        ["qwen35moe"] = new() { OutputRows = OutputRows.AfterNorm, NormIsPlacedFirst = true, PositionsPerToken = 4 },
        ["gemma4"] = new() { ScalesEmbedding = true, OutputRows = OutputRows.AfterNorm, NormsValues = true },
        ["phi3"] = new() { FeedForwardTakesResidual = true },
        ["granitemoe"] = Usual,
        ["granitehybrid"] = Usual,
        ["lfm2"] = new() { AttentionTakesResidual = true, FeedForwardTakesResidual = true },
        ["lfm2moe"] = new() { AttentionTakesResidual = true, FeedForwardTakesResidual = true },
        ["mamba"] = Usual,
        ["mamba2"] = Usual,
        ["nemotron_h"] = new() { SquaresActivations = true, OutputRows = OutputRows.AfterNorm, Rotates = false },
        ["nemotron_h_moe"] = new() { SquaresActivations = true, OutputRows = OutputRows.AfterNorm, Rotates = false },
    };

    public OutputRows OutputRows { get; private init; }
    /// <summary>The sum after attention has the residual as its first operand, and takes over its memory.</summary>
    public bool AttentionTakesResidual { get; private init; }
    /// <summary>The same of the sum after the feed-forward network.</summary>
    public bool FeedForwardTakesResidual { get; private init; }
    /// <summary>Values have a norm as keys do.</summary>
    public bool NormsValues { get; private init; }
    /// <summary>The norm before attention is put into the graph before anything of the attention.</summary>
    public bool NormIsPlacedFirst { get; private init; }
    /// <summary>Embeddings are scaled before the first layer.</summary>
    public bool ScalesEmbedding { get; private init; }
    /// <summary>Queries are scaled after their rotation.</summary>
    public bool ScalesQueries { get; private init; }
    /// <summary>What a network without a gate activates is squared.</summary>
    public bool SquaresActivations { get; private init; }
    /// <summary>Keys of a delta net are repeated for every head that shares them.</summary>
    public bool RepeatsKeys { get; private init; }
    /// <summary>Queries and keys are rotated by position.</summary>
    public bool Rotates { get; private init; } = true;
    public int PositionsPerToken { get; private init; } = 1;

    /// <summary>Whether the engine's graph of an architecture is known.</summary>
    public static bool Knows(string architecture) => Traits.ContainsKey(architecture);

    public static GraphTraits Of(string architecture) => Traits.GetValueOrDefault(architecture, Usual);
}
