using System.Text.Json;
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
public sealed record Device(string Name, DeviceKind Kind, long TotalBytes, long FreeBytes, double? BandwidthBytesPerSecond)
{
    /// <summary>Why the engine of this machine cannot use the device, as a sentence; null where it can, and then a fit counts it.</summary>
    public string? Unusable { get; init; }

    /// <summary>Whether it is a GPU of NVIDIA's: known by its name, as nothing else tells in a machine file.</summary>
    internal bool IsNvidia => Kind != DeviceKind.Cpu && NvidiaNames.Any(word => Name.Contains(word, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] NvidiaNames = ["NVIDIA", "CUDA", "GeForce", "Quadro", "Tesla"];
}

/// <summary>A machine: what a fit is estimated for. A JSON file of this record is a machine too.</summary>
public sealed record Machine
{
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
    /// <summary>The CPU first, then the GPUs.</summary>
    public required IReadOnlyList<Device> Devices { get; init; }
    /// <summary>Free bytes of the disk that holds the store, when known.</summary>
    public long? DiskFreeBytes { get; init; }

    /// <summary>A machine from JSON, as <c>modelops hardware --format json</c> and <c>Get-ModelHardware | ConvertTo-Json</c> write it.</summary>
    /// <param name="json">The JSON.</param>
    /// <param name="source">Where it comes from, for messages: a file's name.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it does not describe a machine.</exception>
    public static Machine FromJson(string json, string source)
    {
        Machine? machine;
        try
        {
            machine = JsonSerializer.Deserialize(json, MachineJson.Default.Machine);
        }
        catch (JsonException exception)
        {
            throw Invalid(exception.Message, exception);
        }
        return machine switch
        {
            null => throw Invalid("it holds nothing.", null),
            { Devices: null } => throw Invalid("it has no devices.", null),
            { Devices: [{ Kind: DeviceKind.Cpu }, ..] } when machine.Devices.All(device => device is { TotalBytes: >= 0, FreeBytes: >= 0 }) => machine,
            _ => throw Invalid("its devices are a CPU first, then GPUs, each with its memory.", null),
        };

        ModelOpsException Invalid(string reason, JsonException? inner) => new(ErrorKind.InvalidArgument, $"'{source}' does not describe a machine: {reason}",
            "Have it written on the machine in question: modelops hardware --format json", inner);
    }
}
