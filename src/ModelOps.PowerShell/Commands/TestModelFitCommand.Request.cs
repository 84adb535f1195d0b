using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's parameters that say how the engine would be asked to run the model.</summary>
public sealed partial class TestModelFitCommand : IPlacementParameters
{
    /// <summary>Context length in tokens; 0 means the smaller of 4096 and what the model was trained for, Max the largest that fits.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    public ContextWish ContextLength { get; set; }

    /// <summary>Layers on GPUs; -1 all; as many as fit when left out.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? GpuLayers { get; set; }

    /// <summary>Storage type of keys and values; Auto is F16, or Q8_0 where only that makes it fit.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(KvTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string KvType { get; set; } = nameof(GgmlType.F16);

    /// <summary>Tokens in one physical batch.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 512;

    /// <summary>Flash attention: On, Off, or Auto, which is on where the engine can.</summary>
    [Parameter]
    [ValidateSet("Auto", "On", "Off")]
    public string FlashAttention { get; set; } = "Auto";

    /// <summary>Layers, from the first, whose experts stay on the CPU; -1 all; as few as make the rest fit the GPUs when left out.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? CpuExpertLayers { get; set; }

    /// <summary>Shares of the GPUs; in proportion to their free memory when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public double[] TensorSplit { get; set; } = [];

    /// <summary>Tensors that are to lie elsewhere: pattern=CPU, pattern=GPU0 and so on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public TensorOverride[] TensorOverride { get; set; } = [];

    /// <summary>Keep keys and values in main memory, whatever holds their layers.</summary>
    [Parameter]
    public SwitchParameter KvCacheOnCpu { get; set; }

    /// <summary>How the weights come into memory: Auto, Read, Map, ReadLocked or MapLocked.</summary>
    [Parameter]
    public WeightLoading Loading { get; set; } = WeightLoading.Auto;

    /// <summary>Sequences held at once, such as a server's conversations, which share the context.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Sequences { get; set; } = 1;

    /// <summary>Give every sequence its share of the context, instead of one cache for all.</summary>
    [Parameter]
    public SwitchParameter SeparateCaches { get; set; }

    private Task<FitRequest> ReadRequestAsync() => OnPipelineAsync(() => PlacementWish.Apply(this, MyInvocation.BoundParameters, new FitRequest
    {
        Sequences = Sequences,
        UnifiedCache = !SeparateCaches,
    }));
}
