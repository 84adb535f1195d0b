using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's parameters that say how the engine would be asked to run the model.</summary>
public sealed partial class TestModelFitCommand
{
    private const string AutoKvType = "Auto";

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

    private FitRequest ReadRequest() => new()
    {
        ContextLength = ContextLength,
        GpuLayers = GpuLayers,
        KvType = KvType.Equals(AutoKvType, StringComparison.OrdinalIgnoreCase) ? null : FitRequest.ParseKvType(KvType),
        BatchSize = BatchSize,
        FlashAttention = FlashAttention switch { "On" => true, "Off" => false, _ => null },
    };
}
