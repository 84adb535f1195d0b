using System.Text.Json.Serialization;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>What a device is; by name in JSON, so that people can write machine files.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DeviceKind>))]
public enum DeviceKind
{
    /// <summary>The processor with the main memory.</summary>
    Cpu,
    /// <summary>A graphics processor with memory of its own.</summary>
    Gpu,
    /// <summary>A graphics processor that shares the main memory.</summary>
    IntegratedGpu,
}

/// <summary>Something that can hold layers.</summary>
/// <param name="Name">Name, such as <c>CPU</c>, <c>CUDA0</c>, <c>NVIDIA GeForce RTX 4090</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="TotalBytes">Memory in all.</param>
/// <param name="FreeBytes">Memory that is really free: for the CPU after cgroup limits.</param>
/// <param name="BandwidthBytesPerSecond">Memory bandwidth, when known or measured.</param>
public sealed record Device(string Name, DeviceKind Kind, long TotalBytes, long FreeBytes, double? BandwidthBytesPerSecond = null)
{
    /// <summary>The generation it is of, told from the name when the record is made; what a machine file says of it does not count.</summary>
    public DeviceFamily Family { get; } = DeviceFamilies.Of(Name, Kind);

    /// <summary>The card it is, by its name; null for what is not in the table.</summary>
    internal GraphicsCard? Card { get; } = Kind == DeviceKind.Cpu ? null : GraphicsCard.Find(Name ?? "");

    /// <summary>Why the engine of this machine cannot use the device, as a sentence; null where it can, and then a fit counts it.</summary>
    public string? Unusable { get; init; }
}

/// <summary>A machine: what a fit is estimated for. A JSON file of this record is a machine too.</summary>
public sealed record Machine
{
    /// <summary>The form that this version writes and reads.</summary>
    public const int CurrentSchemaVersion = 1;

    /// <summary>Form of the record in JSON; raised when a property changes its name or meaning. Files without it are of the first.</summary>
    public int SchemaVersion { get; init; } = CurrentSchemaVersion;
    /// <summary>Name of the machine.</summary>
    public required string Name { get; init; }
    /// <summary>Operating system and version.</summary>
    public required string OperatingSystem { get; init; }
    /// <summary>Processor architecture: <c>x64</c>, <c>arm64</c>.</summary>
    public required string Architecture { get; init; }
    /// <summary>Processor name.</summary>
    public required string Processor { get; init; }
    /// <summary>Physical cores, at most what this process may use.</summary>
    public required int PhysicalCores { get; init; }
    /// <summary>Logical processors that this process may use.</summary>
    public required int LogicalProcessors { get; init; }
    /// <summary>Physical cores of the fast kind among those; null where all are alike, or the system does not tell.</summary>
    public int? PerformanceCores { get; init; }
    /// <summary>The CPU first, then the GPUs.</summary>
    public required IReadOnlyList<Device> Devices
    {
        get;
        // An array whatever it was: PowerShell does not index into the compiler's own read-only lists. Null only out of a file, which is then refused.
        init => field = value as Device[] ?? value?.ToArray()!;
    }
    /// <summary>Free bytes of the disk that holds the store, when known.</summary>
    public long? DiskFreeBytes { get; init; }
    /// <summary>What a calibration found of the machine's speed; null when there was none.</summary>
    public SpeedCalibration? Calibration { get; init; }

    /// <summary>
    /// A machine from JSON, as <c>modelops hardware --format json</c> and <c>Get-ModelHardware | ConvertTo-Json</c> write it. Members that this version
    /// does not know are passed over; figures that make no sense are not.
    /// </summary>
    /// <param name="json">The JSON.</param>
    /// <param name="source">Where it comes from, for messages: a file's name.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it does not describe one machine.</exception>
    public static Machine FromJson(string json, string source) => MachineReader.ReadOne(json, source);
}
