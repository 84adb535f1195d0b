using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>What a part of a device's memory is for; by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FitPartKind>))]
public enum FitPartKind
{
    /// <summary>The model's tensors.</summary>
    Weights,
    /// <summary>A vision or audio tower that is loaded beside the model.</summary>
    Projector,
    /// <summary>Low-rank adapters that are loaded beside the model.</summary>
    Adapters,
    /// <summary>Keys and values of the tokens seen.</summary>
    KvCache,
    /// <summary>State of recurrent layers, which does not grow with the context.</summary>
    State,
    /// <summary>Intermediate results of a batch, and its logits.</summary>
    Compute,
    /// <summary>What kernels unpack a quantized cache to, or copies of weights that lie elsewhere.</summary>
    Scratch,
    /// <summary>The process, the engine's libraries, the driver's context.</summary>
    Overhead,
}

/// <summary>A part of what a model takes on a device.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Bytes">Bytes expected: what the fit counts.</param>
/// <param name="LowBytes">Least it may be.</param>
/// <param name="HighBytes">Most it may be.</param>
/// <param name="How">How it was computed: a sentence with the figures in it.</param>
public sealed record FitPart(FitPartKind Kind, long Bytes, long LowBytes, long HighBytes, string How)
{
    /// <summary>Whether it is exact: the engine allocates these very bytes.</summary>
    public bool IsExact => LowBytes == HighBytes;
}

/// <summary>How the memory of one device was computed.</summary>
/// <param name="Name">Device.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Parts">The parts that are not empty, in the order of <see cref="FitPartKind"/>.</param>
/// <param name="TotalBytes">Their sum.</param>
/// <param name="LowBytes">Sum of the least they may be.</param>
/// <param name="HighBytes">Sum of the most they may be.</param>
/// <param name="FreeBytes">What the device has free.</param>
/// <param name="MarginBytes">What stays free of it; negative when as much is wanting.</param>
public sealed record DeviceExplanation(string Name, DeviceKind Kind, IReadOnlyList<FitPart> Parts, long TotalBytes, long LowBytes, long HighBytes, long FreeBytes, long MarginBytes);

/// <summary>An assumption that an answer rests on.</summary>
/// <param name="Device">Device it is about.</param>
/// <param name="Sentence">For people.</param>
/// <param name="LowBytes">Memory of that device if it turns out well.</param>
/// <param name="HighBytes">Memory of that device if it turns out badly.</param>
public sealed record FitAssumption(string Device, string Sentence, long LowBytes, long HighBytes);

/// <summary>How sure an answer is, within the ranges of its parts.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FitCertainty>))]
public enum FitCertainty
{
    /// <summary>The answer is the same at either end of every range.</summary>
    Sure,
    /// <summary>At the other end of the ranges the answer would be the other one.</summary>
    Close,
}

/// <summary>How an answer to "does it fit?" came about.</summary>
/// <param name="Devices">The parts of every device: the CPU, then the GPUs.</param>
/// <param name="Certainty">Whether the ranges of the parts leave the answer open.</param>
/// <param name="Assumption">The assumption that makes the widest range; null when all parts are exact.</param>
/// <param name="Speed">What the speed rests on: a sentence; null when there is none.</param>
public sealed record FitExplanation(IReadOnlyList<DeviceExplanation> Devices, FitCertainty Certainty, FitAssumption? Assumption, string? Speed);
