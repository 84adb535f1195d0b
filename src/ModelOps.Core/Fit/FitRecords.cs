using ModelOps.Fit;

namespace ModelOps;

/// <summary>What a model takes on one device.</summary>
/// <param name="Name">Device.</param>
/// <param name="Kind">What it is.</param>
/// <param name="WeightsBytes">Weights.</param>
/// <param name="KvCacheBytes">Keys and values.</param>
/// <param name="StateBytes">Recurrent state.</param>
/// <param name="ComputeBytes">Compute and output buffers.</param>
/// <param name="OverheadBytes">Device context and runtime.</param>
/// <param name="TotalBytes">Sum of the parts.</param>
/// <param name="FreeBytes">What the device has free.</param>
public sealed record DeviceFit(string Name, DeviceKind Kind, long WeightsBytes, long KvCacheBytes, long StateBytes, long ComputeBytes, long OverheadBytes, long TotalBytes, long FreeBytes);

/// <summary>A range of tokens a second.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record SpeedRange(double Low, double High)
{
    /// <summary>What a benchmark would most likely show, with an empty context; null when nothing between the ends is likelier.</summary>
    public double? Expected { get; init; }
}

/// <summary>The answer to "does it fit?".</summary>
public sealed record FitResult
{
    /// <summary>What was asked about.</summary>
    public required string Model { get; init; }
    /// <summary>Machine that was asked about.</summary>
    public required string Machine { get; init; }
    /// <summary>Whether every device has room.</summary>
    public required bool Fits { get; init; }
    /// <summary>Context length the figures hold for, after the engine's rounding.</summary>
    public required int ContextLength { get; init; }
    /// <summary>Layers on GPUs.</summary>
    public required int GpuLayers { get; init; }
    /// <summary>What the engine is to be told for this very placement.</summary>
    public required EngineParameters Parameters { get; init; }
    /// <summary>Parts by device.</summary>
    public required IReadOnlyList<DeviceFit> Devices { get; init; }
    /// <summary>Expected generation speed, from a full context to an empty one; null when no bandwidth is known.</summary>
    public required SpeedRange? TokensPerSecond { get; init; }
    /// <summary>Expected speed of reading a prompt of one batch; null when too little is known.</summary>
    public SpeedRange? PromptTokensPerSecond { get; init; }
    /// <summary>What would make it fit, or fit better: the sentences of <see cref="Remedies"/>, and what else should be known.</summary>
    public IReadOnlyList<string> Advice { get => field ?? Counsel?.Value.Sentences ?? []; init; }
    /// <summary>What would make it fit, or fit better: each was estimated, and holds.</summary>
    public IReadOnlyList<Remedy> Remedies { get => field ?? Counsel?.Value.Remedies ?? []; init; }
    /// <summary>Found when somebody asks: it takes dozens of estimates.</summary>
    internal Lazy<Counsel>? Counsel { get; init; }
    /// <summary>How the memory was computed, part by part, and what the answer rests on.</summary>
    public FitExplanation? Explanation { get => field ?? Explained?.Value; init; }
    /// <summary>Told when somebody asks: sentences take longer than sums.</summary>
    internal Lazy<FitExplanation>? Explained { get; init; }
    /// <summary>Repository of the model, so that what fits can be installed; null for a model that came from none.</summary>
    public string? Repository { get; init; }
    /// <summary>Commit of the repository.</summary>
    public string? Commit { get; init; }
    /// <summary>Variant of the repository.</summary>
    public string? Variant { get; init; }
    /// <summary>The model on this disk, when it is there.</summary>
    public string? Path { get; init; }
    /// <summary>What the engine itself says, beside the formulas; null unless it was asked.</summary>
    public ExactFit? Exact { get; init; }

    /// <summary>What the model is for; there is no speed of generation of one that writes no text.</summary>
    public ModelPurpose Purpose { get; init; }
    /// <summary>What was asked for and has no effect on this model or machine: sentences, empty for most.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Parts by device, in more detail.</summary>
    internal IReadOnlyList<DeviceNeeds> Needs { get; init; } = [];
}
