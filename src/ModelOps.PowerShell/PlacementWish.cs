using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Parameters of the cmdlets that place a model: what a fit is asked for, and what the engine is told.</summary>
internal interface IPlacementParameters
{
    /// <summary>Context length in tokens, or Max.</summary>
    ContextWish ContextLength { get; }
    /// <summary>Layers on GPUs.</summary>
    int? GpuLayers { get; }
    /// <summary>Layers, from the first, whose experts stay on the CPU.</summary>
    int? CpuExpertLayers { get; }
    /// <summary>Shares of the GPUs.</summary>
    double[] TensorSplit { get; }
    /// <summary>Tensors that lie elsewhere, pattern=device.</summary>
    TensorOverride[] TensorOverride { get; }
    /// <summary>Storage type of keys and values, or Auto.</summary>
    string KvType { get; }
    /// <summary>Keep keys and values in main memory.</summary>
    SwitchParameter KvCacheOnCpu { get; }
    /// <summary>Tokens in one physical batch.</summary>
    int BatchSize { get; }
    /// <summary>On, Off or Auto.</summary>
    string FlashAttention { get; }
    /// <summary>How weights come into memory.</summary>
    WeightLoading Loading { get; }
}

/// <summary>Makes the request of these parameters.</summary>
internal static class PlacementWish
{
    private const string AutoKvType = "Auto";

    /// <summary>A request with what was said, and the rest as it was.</summary>
    /// <param name="parameters">The cmdlet's.</param>
    /// <param name="bound">Which of them were given.</param>
    /// <param name="request">What holds for those that were not.</param>
    public static FitRequest Apply(IPlacementParameters parameters, IDictionary<string, object> bound, FitRequest request)
    {
        return request with
        {
            ContextLength = Given(nameof(parameters.ContextLength)) ? parameters.ContextLength : request.ContextLength,
            GpuLayers = Given(nameof(parameters.GpuLayers)) ? parameters.GpuLayers : request.GpuLayers,
            CpuExpertLayers = Given(nameof(parameters.CpuExpertLayers)) ? parameters.CpuExpertLayers : request.CpuExpertLayers,
            TensorSplit = Given(nameof(parameters.TensorSplit)) ? parameters.TensorSplit : request.TensorSplit,
            TensorOverrides = Given(nameof(parameters.TensorOverride)) ? parameters.TensorOverride : request.TensorOverrides,
            KvType = !Given(nameof(parameters.KvType)) ? request.KvType
                : parameters.KvType.Equals(AutoKvType, StringComparison.OrdinalIgnoreCase) ? null
                : FitRequest.ParseKvType(parameters.KvType),
            OffloadKvCache = Given(nameof(parameters.KvCacheOnCpu)) ? !parameters.KvCacheOnCpu : request.OffloadKvCache,
            BatchSize = Given(nameof(parameters.BatchSize)) ? parameters.BatchSize : request.BatchSize,
            FlashAttention = !Given(nameof(parameters.FlashAttention)) ? request.FlashAttention
                : parameters.FlashAttention.ToUpperInvariant() switch { "ON" => true, "OFF" => false, _ => null },
            Loading = Given(nameof(parameters.Loading)) ? parameters.Loading : request.Loading,
        };

        bool Given(string name) => bound.ContainsKey(name);
    }
}
