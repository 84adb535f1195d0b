namespace ModelOps;

/// <summary>Whose speed to measure, and how: what llama-bench calls pp and tg.</summary>
public sealed record SpeedRequest
{
    /// <summary>Most tokens of a prompt, of an answer and of what is remembered before them.</summary>
    public const int MostTokens = 1 << 20;
    /// <summary>Most repetitions.</summary>
    public const int MostRepetitions = 1000;

    /// <summary>The GGUF file.</summary>
    public required string ModelPath { get; init; }
    /// <summary>Tokens of the prompt; 0 leaves the prompt out.</summary>
    public int PromptTokens { get; init; } = 512;
    /// <summary>Tokens to generate, one after another; 0 leaves generating out.</summary>
    public int GeneratedTokens { get; init; } = 128;
    /// <summary>Tokens that are in the context before the clock starts.</summary>
    public int Depth { get; init; }
    /// <summary>How often each is measured, after a warm-up that does not count.</summary>
    public int Repetitions { get; init; } = 5;
    /// <summary>Placement and cache; its context length is chosen to hold what is measured.</summary>
    public EngineParameters Parameters { get; init; } = new();
    /// <summary>Threads; 0 means one a physical core, fewer for a model of a few MB.</summary>
    public int Threads { get; init; }
}

/// <summary>How far a measurement of speed is.</summary>
/// <param name="Step">What is measured.</param>
/// <param name="StepsDone">Steps done.</param>
/// <param name="TotalSteps">Steps in all.</param>
public sealed record SpeedProgress(string Step, int StepsDone, int TotalSteps);

/// <summary>Tokens a second, measured several times.</summary>
/// <param name="Median">The middle one.</param>
/// <param name="Low">The slowest.</param>
/// <param name="High">The fastest.</param>
/// <param name="Deviation">Standard deviation of the sample; 0 for one.</param>
/// <param name="Samples">All of them, in order.</param>
public sealed record SpeedSamples(double Median, double Low, double High, double Deviation, IReadOnlyList<double> Samples)
{
    /// <summary>Sums up measurements.</summary>
    internal static SpeedSamples Of(IReadOnlyList<double> samples)
    {
        var sorted = samples.Order().ToArray();
        var middle = sorted.Length / 2;
        var mean = sorted.Average();
        return new SpeedSamples(
            sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
            sorted[0],
            sorted[^1],
            sorted.Length > 1 ? Math.Sqrt(sorted.Sum(sample => (sample - mean) * (sample - mean)) / (sorted.Length - 1)) : 0,
            samples);
    }
}

/// <summary>How fast a model runs here.</summary>
public sealed record SpeedResult
{
    /// <summary>The model.</summary>
    public required string Model { get; init; }
    /// <summary>GGUF architecture.</summary>
    public required string Architecture { get; init; }
    /// <summary>Bytes of the weights.</summary>
    public required long Bytes { get; init; }
    /// <summary>Number of weights.</summary>
    public required long Parameters { get; init; }
    /// <summary>The llama.cpp build that ran it.</summary>
    public required string Engine { get; init; }
    /// <summary>Threads that computed.</summary>
    public required int Threads { get; init; }
    /// <summary>Layers on GPUs that were asked for; -1 all.</summary>
    public required int GpuLayers { get; init; }
    /// <summary>Tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }
    /// <summary>Tokens generated.</summary>
    public required int GeneratedTokens { get; init; }
    /// <summary>Tokens in the context before.</summary>
    public required int Depth { get; init; }
    /// <summary>Speed of reading a prompt; null when it was left out.</summary>
    public SpeedSamples? PromptTokensPerSecond { get; init; }
    /// <summary>Speed of generating, without choosing the tokens; null when it was left out.</summary>
    public SpeedSamples? TokensPerSecond { get; init; }
}
