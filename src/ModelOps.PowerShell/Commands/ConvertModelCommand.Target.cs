using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Convert-Model's parameters that say a size or a machine instead of a recipe.</summary>
public sealed partial class ConvertModelCommand
{
    /// <summary>Most bytes of the output, such as 6GB: the mixture of types that loses least within them.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long? TargetSize { get; set; }

    /// <summary>The mixture of types that loses least of those that fit the machine's free memory with a context.</summary>
    [Parameter]
    public SwitchParameter Fit { get; set; }

    /// <summary>Context length in tokens for -Fit; 0 means the smaller of 4096 and what the model was trained for.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int ContextLength { get; set; }

    /// <summary>Layers on GPUs for -Fit; -1 all; as many as fit when left out.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? GpuLayers { get; set; }

    /// <summary>Storage type of keys and values for -Fit.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(KvTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string KvType { get; set; } = nameof(GgmlType.F16);

    /// <summary>A machine of Get-ModelHardware for -Fit, or a JSON file with one; this machine when left out.</summary>
    [Parameter]
    [MachineTransformation]
    [ArgumentCompleter(typeof(MachineCompleter))]
    [ValidateNotNull]
    public Machine? Machine { get; set; }

    /// <summary>What rounding each tensor costs: a file of Measure-ModelSensitivity; what is usual for tensors of their roles when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Sensitivity { get; set; }

    private bool HasTarget => TargetSize is not null || Fit;

    /// <summary>The target; null when none is asked for. Memory is measured once for all models, before the first.</summary>
    private ConversionTarget? ReadTarget(CancellationToken cancellationToken)
    {
        Refuse(HasTarget, nameof(Type), nameof(RecipeFile));
        Refuse(!Fit, nameof(ContextLength), nameof(GpuLayers), nameof(KvType), nameof(Machine));
        Refuse(!HasTarget, nameof(Sensitivity));
        if (!HasTarget)
        {
            return null;
        }
        if (Fit)
        {
            Machine ??= LocalMachine.ReadWithBandwidth(this.OpenStore(Store).Options.Directory, new LocalMachineSettings { Note = PostWarning }, cancellationToken) with { DiskFreeBytes = null };
        }
        return new ConversionTarget
        {
            Bytes = TargetSize,
            Fit = Fit ? new FitRequest { ContextLength = ContextLength, GpuLayers = GpuLayers, KvType = FitRequest.ParseKvType(KvType) } : null,
            Machine = Fit ? Machine : null,
            Sensitivity = Sensitivity is null ? null : this.ToFileSystemPath(Sensitivity),
        };
    }

    private void Refuse(bool isWrong, params ReadOnlySpan<string> parameters)
    {
        foreach (var name in parameters)
        {
            if (isWrong && MyInvocation.BoundParameters.ContainsKey(name))
            {
                throw new ModelOpsException(
                    ErrorKind.InvalidArgument,
                    HasTarget ? $"-{name} and {(TargetSize is not null ? "-TargetSize" : "-Fit")} do not go together." : $"-{name} means nothing here.",
                    name is nameof(Type) or nameof(RecipeFile) ? "A recipe chooses the types, or a target does." : $"It is for {(name == nameof(Sensitivity) ? "-TargetSize and -Fit" : "-Fit")}.");
            }
        }
    }
}
