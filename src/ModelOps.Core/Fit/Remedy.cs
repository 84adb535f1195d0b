using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>What a <see cref="Remedy"/> changes.</summary>
public enum RemedyKind
{
    /// <summary>A shorter context.</summary>
    ShorterContext,
    /// <summary>Room for a longer context than was asked for.</summary>
    LongerContext,
    /// <summary>Keys and values in a smaller type.</summary>
    SmallerKvCache,
    /// <summary>A smaller batch.</summary>
    SmallerBatch,
    /// <summary>Fewer layers on GPUs.</summary>
    FewerGpuLayers,
    /// <summary>Experts of some layers on the CPU.</summary>
    ExpertsOnCpu,
    /// <summary>The model converted with a smaller recipe.</summary>
    SmallerType,
    /// <summary>Another variant of the repository.</summary>
    OtherVariant,
    /// <summary>A machine with more memory.</summary>
    LargerMachine,
}

/// <summary>Something to change, and what then holds: it was estimated with that change, and fits.</summary>
public sealed record Remedy
{
    /// <summary>What is changed.</summary>
    public required RemedyKind Kind { get; init; }
    /// <summary>For people.</summary>
    public required string Sentence { get; init; }
    /// <summary>What to ask for instead.</summary>
    public required FitRequest Request { get; init; }
    /// <summary>Recipe that the model is to be converted with; null leaves it as it is.</summary>
    public string? Type { get; init; }
    /// <summary>Variant of the repository to take instead; null for the same.</summary>
    public string? Variant { get; init; }
    /// <summary>Memory of the one GPU that it takes instead of the machine's; null for the machine's own.</summary>
    public long? GpuMemoryBytes { get; init; }
    /// <summary>Free main memory that it takes; null for the machine's own.</summary>
    public long? MainMemoryBytes { get; init; }
    /// <summary>What the engine is then to be told: context, layers on GPUs, experts on the CPU.</summary>
    public required EngineParameters Parameters { get; init; }
    /// <summary>What it then takes on all devices together.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>The model it was tried with.</summary>
    [JsonIgnore]
    internal ModelShape? Model { get; init; }
    /// <summary>The machine it was tried on.</summary>
    [JsonIgnore]
    internal Machine? Machine { get; init; }
}
