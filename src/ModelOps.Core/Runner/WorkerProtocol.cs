using System.Text.Json.Serialization;

namespace ModelOps.Runner;

/// <summary>What the parent can ask of its worker.</summary>
internal enum WorkerCall
{
    Load, Generate, Embed, Rerank, Measure, MeasureSensitivity, MeasureSpeed, Calibrate, ReadDevices, ProbeRuntime, ProbeMemory, Cancel,
}

/// <summary>A line from parent to worker.</summary>
/// <param name="Id">Number of the call; <see cref="WorkerCall.Cancel"/> names the call to be cancelled.</param>
/// <param name="Call">What is asked.</param>
internal sealed record WorkerRequest(int Id, WorkerCall Call)
{
    public EngineOptions? Load { get; init; }
    /// <summary>With <see cref="Load"/>: the placement is to be found for this.</summary>
    public FitRequest? Wish { get; init; }
    public GenerationRequest? Generate { get; init; }
    public EmbeddingRequest? Embed { get; init; }
    public RerankRequest? Rerank { get; init; }
    public MeasureRequest? Measure { get; init; }
    public SensitivityRequest? MeasureSensitivity { get; init; }
    public SpeedRequest? MeasureSpeed { get; init; }
    public CalibrationRequest? Calibrate { get; init; }
    public EngineOptions? ProbeMemory { get; init; }
}

/// <summary>
/// A line from worker to parent: one of the members. The first line is <see cref="Ready"/>; every call ends with exactly one line that
/// <see cref="Ends"/> it.
/// </summary>
internal sealed record WorkerEvent
{
    /// <summary>Number of the call.</summary>
    public int Id { get; init; }
    /// <summary>The worker serves: its version, which must be the parent's.</summary>
    public string? Ready { get; init; }
    public float? LoadProgress { get; init; }
    public GeneratedToken? Token { get; init; }
    public MeasureProgress? MeasureProgress { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Loaded { get; init; }
    /// <summary>With <see cref="Loaded"/>: the placement that was found.</summary>
    public EnginePlan? Plan { get; init; }
    public GenerationResult? Answer { get; init; }
    public EmbeddingResult? Embedding { get; init; }
    public RerankResult? Ranking { get; init; }
    public QualityResult? Quality { get; init; }
    public SensitivityProgress? SensitivityProgress { get; init; }
    public SensitivityTable? Sensitivity { get; init; }
    public IReadOnlyList<Device>? Devices { get; init; }
    public RuntimeProbe? Runtime { get; init; }
    public SpeedProgress? SpeedProgress { get; init; }
    public SpeedResult? Speed { get; init; }
    public SpeedCalibration? Calibration { get; init; }
    public EngineMemory? Memory { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Cancelled { get; init; }
    public WorkerError? Error { get; init; }

    [JsonIgnore]
    public bool Ends => Loaded || Cancelled || Answer is not null || Embedding is not null || Ranking is not null || Quality is not null || Sensitivity is not null || Devices is not null || Runtime is not null || Memory is not null || Speed is not null || Calibration is not null || Error is not null;
}

/// <summary>An error, carried over to be thrown again.</summary>
internal sealed record WorkerError(ErrorKind Kind, string Message, string? Hint)
{
    public static WorkerError Of(Exception exception) => exception is ModelOpsException known
        ? new WorkerError(known.Kind, known.Message, known.Hint)
        : new WorkerError(ErrorKind.Failure, $"{exception.GetType().Name}: {exception.Message}", null);

    public ModelOpsException ToException() => new(Kind, Message, Hint);
}

[JsonSerializable(typeof(WorkerRequest))]
[JsonSerializable(typeof(WorkerEvent))]
[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
internal sealed partial class WorkerJson : JsonSerializerContext;

/// <summary>Progress that reports on the caller's thread, in order (<see cref="Progress{T}"/> does neither).</summary>
internal sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}

/// <summary>What both sides must agree on.</summary>
internal static class WorkerProtocol
{
    /// <summary>Version of this build of the core: the protocol has no other.</summary>
    public static string Version { get; } = typeof(WorkerProtocol).Assembly.GetName().Version?.ToString() ?? "";
}
