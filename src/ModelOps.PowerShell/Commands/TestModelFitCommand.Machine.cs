using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit's parameters that say which machine is meant.</summary>
public sealed partial class TestModelFitCommand
{
    /// <summary>A machine of Get-ModelHardware, or a JSON file with one; this machine when left out.</summary>
    [Parameter]
    [MachineTransformation]
    [ValidateNotNull]
    public Machine? Machine { get; set; }

    // This machine for files that are on its disk and need no more room there (a checkpoint is yet to be converted); null when another was given.
    private Machine? _withoutDisk;

    /// <summary>Reads this machine, once for all models, when no other is given.</summary>
    private void ReadMachine(CancellationToken cancellationToken)
    {
        if (Machine is null)
        {
            Machine = LocalMachine.ReadAndMeasure(OpenedStore.Options.Directory, cancellationToken);
            _withoutDisk = Machine with { DiskFreeBytes = null };
        }
    }

    private Machine MachineFor(ResolvedModel local) => local.Kind == ModelKind.Gguf && _withoutDisk is { } here ? here : Machine!;
}
