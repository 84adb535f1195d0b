using System.Text.Json.Serialization;
using ModelOps.Fit;

namespace ModelOps;

/// <summary>How weights come into memory (llama.cpp's load mode); by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WeightLoading>))]
public enum WeightLoading
{
    /// <summary>The engine chooses: mapped, unless a device does better with a copy.</summary>
    Auto,
    /// <summary>Read into memory of the process.</summary>
    Read,
    /// <summary>Mapped from the file: the system reads what is used, and may drop it again when memory is short.</summary>
    Map,
    /// <summary>Read, and locked so that the system cannot swap it out.</summary>
    ReadLocked,
    /// <summary>Mapped, and locked so that the system cannot drop it.</summary>
    MapLocked,
}

/// <summary>
/// What llama.cpp is told when it loads a model and makes a context: the parameters that realise a placement. A fit answers with one
/// (<see cref="FitResult.Parameters"/>), the engine takes it (<see cref="EngineOptions.Parameters"/>).
/// </summary>
public sealed record EngineParameters
{
    /// <summary>Context length in tokens, of all sequences together; 0 means the smaller of 4096 and what the model was trained for.</summary>
    public int ContextLength { get; init; }
    /// <summary>Layers on GPUs, counting the output layer first; -1 all, 0 none.</summary>
    public int GpuLayers { get; init; } = -1;
    /// <summary>Layers, from the first, whose experts stay on the CPU; -1 all.</summary>
    public int CpuExpertLayers { get; init; }
    /// <summary>Shares of the GPUs, in the engine's order; null means in proportion to their free memory.</summary>
    public IReadOnlyList<double>? TensorSplit { get; init; }
    /// <summary>Tensors that are to lie elsewhere than their layer does; the first pattern that matches counts.</summary>
    public IReadOnlyList<TensorOverride> TensorOverrides { get; init; } = [];
    /// <summary>Storage type of keys and values, one of <see cref="FitRequest.KvTypes"/>.</summary>
    public GgmlType KvType { get; init; } = GgmlType.F16;
    /// <summary>Tokens in one physical batch (n_ubatch).</summary>
    public int BatchSize { get; init; } = 512;
    /// <summary>Flash attention; null lets the engine choose, which is on where it can.</summary>
    public bool? FlashAttention { get; init; }
    /// <summary>Sequences held at once (n_seq_max).</summary>
    public int Sequences { get; init; } = 1;
    /// <summary>Whether the sequences share one cache of the whole context length, or each has one of its share.</summary>
    public bool UnifiedCache { get; init; } = true;
    /// <summary>Whether keys and values lie beside their layer, or all in main memory.</summary>
    public bool OffloadKvCache { get; init; } = true;
    /// <summary>How the weights come into memory.</summary>
    public WeightLoading Loading { get; init; } = WeightLoading.Auto;

    /// <summary>Refuses what no model could be run with; what one model cannot, the engine says.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    internal void Validate()
    {
        Require(ContextLength >= 0 && GpuLayers >= -1 && CpuExpertLayers >= -1, "Context lengths are numbers from 0 on, layers from -1 on.", null);
        Require(BatchSize is >= 1 and <= ContextPlan.MaxBatchSize, $"A batch of {BatchSize} tokens makes no sense.", $"Give 1 to {ContextPlan.MaxBatchSize} tokens.");
        Require(Sequences is >= 1 and <= ContextPlan.MaxSequences, $"{Sequences} sequences cannot be held at once.", $"Give 1 to {ContextPlan.MaxSequences} sequences.");
        FitRequest.ParseKvType(KvType.ToString()); // throws for the others
        Require(FlashAttention != false || KvType.BlockLength() == 1, $"Values stored as {KvType} need flash attention.", "Leave flash attention on, or store keys and values as F16.");
        Require(TensorSplit is null || TensorSplit.All(share => share >= 0 && share <= float.MaxValue), $"A split of {string.Join(':', TensorSplit ?? [])} makes no sense.", "Give a share from 0 on for every GPU.");
        foreach (var item in TensorOverrides)
        {
            _ = item.Matcher();
            Require(item.GpuIndex() < 0 || GpuLayers != 0, $"'{item}' puts tensors on a GPU, but without a layer on it the engine is given none.", "Put at least the output layer on a GPU: 1 layer.");
        }
    }

    private static void Require(bool condition, string message, string? hint)
    {
        if (!condition)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, message, hint);
        }
    }

    /// <summary>A request for this very placement: to be estimated, or to be changed in part.</summary>
    public FitRequest ToRequest() => new()
    {
        ContextLength = ContextLength,
        GpuLayers = GpuLayers,
        CpuExpertLayers = CpuExpertLayers,
        TensorSplit = TensorSplit,
        TensorOverrides = TensorOverrides,
        KvType = KvType,
        BatchSize = BatchSize,
        FlashAttention = FlashAttention,
        Sequences = Sequences,
        UnifiedCache = UnifiedCache,
        OffloadKvCache = OffloadKvCache,
        Loading = Loading,
    };
}
