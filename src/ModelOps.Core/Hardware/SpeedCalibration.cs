namespace ModelOps;

/// <summary>What models of random weights have shown of a machine's speed, so that a fit need not go by its family's. Made by <c>modelops bench --calibrate</c>.</summary>
public sealed record SpeedCalibration
{
    /// <summary>The form that this version writes and reads.</summary>
    public const int CurrentSchemaVersion = 1;

    /// <summary>Form of the record in JSON.</summary>
    public int SchemaVersion { get; init; } = CurrentSchemaVersion;
    /// <summary>The llama.cpp build that was measured.</summary>
    public required string Engine { get; init; }
    /// <summary>Processor that was measured.</summary>
    public required string Processor { get; init; }
    /// <summary>When.</summary>
    public required DateTimeOffset MeasuredAt { get; init; }
    /// <summary>The devices, the CPU once for each number of threads.</summary>
    public required IReadOnlyList<DeviceCalibration> Devices { get; init; }
}

/// <summary>Speed of one device: a token takes what its bytes take, each tensor's operation, and once what every token takes.</summary>
public sealed record DeviceCalibration
{
    /// <summary>Name of the device.</summary>
    public required string Device { get; init; }
    /// <summary>Threads that computed; 0 on a GPU.</summary>
    public required int Threads { get; init; }
    /// <summary>Seconds that a token takes whatever the model.</summary>
    public required double TokenSeconds { get; init; }
    /// <summary>Seconds that each of a model's tensors takes beyond its bytes: starting an operation, and what goes with it.</summary>
    public required double TensorSeconds { get; init; }
    /// <summary>Bytes of keys and values that are read in a second.</summary>
    public required double KvBytesPerSecond { get; init; }
    /// <summary>Speed by weight type.</summary>
    public required IReadOnlyList<TypeCalibration> Types { get; init; }
}

/// <summary>Speed with weights of one type.</summary>
/// <param name="Type">The type, by ggml's name.</param>
/// <param name="Points">By the size of the model, smaller first: one that stays in the caches is read faster.</param>
public sealed record TypeCalibration(string Type, IReadOnlyList<CalibrationPoint> Points);

/// <summary>What was measured with a model of one size.</summary>
/// <param name="Bytes">Bytes read for a token.</param>
/// <param name="BytesPerSecond">How fast they are read and multiplied with when generating.</param>
/// <param name="PromptOperationsPerSecond">Operations a second, two for each weight, when reading a prompt.</param>
public sealed record CalibrationPoint(long Bytes, double BytesPerSecond, double PromptOperationsPerSecond);
