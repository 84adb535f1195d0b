using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>What is asked of a fit.</summary>
public sealed record FitRequest
{
    /// <summary>
    /// Context of all sequences together: a number of tokens, 0 for the smaller of 4096 and what the model was trained for, or the largest that fits. The
    /// largest is found with the placement that the usual length gets: a longer context costs no layer on a GPU.
    /// </summary>
    public ContextWish ContextLength { get; init; }
    /// <summary>Layers on GPUs, counting the output layer first as llama.cpp does; null means as many as fit, -1 all.</summary>
    public int? GpuLayers { get; init; }
    /// <summary>
    /// Layers, from the first, whose experts stay on the CPU whatever holds the rest of the layer (llama.cpp's <c>--n-cpu-moe</c>): 0 none, -1 all;
    /// null means as few as make the GPUs hold the rest, so that experts go to the CPU before whole layers do.
    /// </summary>
    public int? CpuExpertLayers { get; init; }
    /// <summary>Types that keys and values can be stored as: those that llama.cpp offers.</summary>
    public static IReadOnlyList<GgmlType> KvTypes { get; } = [GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0, GgmlType.Q5_1, GgmlType.Q5_0, GgmlType.Q4_1, GgmlType.Q4_0, GgmlType.IQ4_NL];
    /// <summary>Storage type of keys and values, one of <see cref="KvTypes"/>; null is F16, and Q8_0 where only that makes it fit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)] // null says something else than nothing does
    public GgmlType? KvType { get; init; } = GgmlType.F16;
    /// <summary>One of <see cref="KvTypes"/> by its name, in any case.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static GgmlType ParseKvType(string name)
    {
        foreach (var type in KvTypes)
        {
            if (string.Equals(type.ToString(), name, StringComparison.OrdinalIgnoreCase))
            {
                return type;
            }
        }
        throw new ModelOpsException(ErrorKind.InvalidArgument, $"Keys and values cannot be stored as {name}.", $"Types that can: {string.Join(", ", KvTypes)}.");
    }
    /// <summary>Tokens in one physical batch (n_ubatch).</summary>
    public int BatchSize { get; init; } = 512;
    /// <summary>Flash attention; null lets the engine choose, which is on where it can.</summary>
    public bool? FlashAttention { get; init; }
    /// <summary>Sequences held at once (n_seq_max): conversations of a server, say.</summary>
    public int Sequences { get; init; } = 1;
    /// <summary>Whether the sequences share one cache of the whole context length, or each has one of its share (kv_unified).</summary>
    public bool UnifiedCache { get; init; } = true;
    /// <summary>Whether keys and values (and recurrent state) lie beside their layer, or all in main memory (offload_kqv).</summary>
    public bool OffloadKvCache { get; init; } = true;
    /// <summary>Shares of the GPUs, in the engine's order; null means in proportion to their free memory.</summary>
    public IReadOnlyList<double>? TensorSplit { get; init; }
    /// <summary>Tensors that are to lie elsewhere than their layer does; the first pattern that matches counts.</summary>
    public IReadOnlyList<TensorOverride> TensorOverrides { get; init; } = [];
    /// <summary>How the weights come into memory.</summary>
    public WeightLoading Loading { get; init; } = WeightLoading.Auto;
    /// <summary>The projector (mmproj) that runs beside the model; null without one.</summary>
    public ProjectorShape? Projector { get; init; }
    /// <summary>LoRA adapters that are loaded with the model.</summary>
    public IReadOnlyList<AdapterShape> Adapters { get; init; } = [];
}
