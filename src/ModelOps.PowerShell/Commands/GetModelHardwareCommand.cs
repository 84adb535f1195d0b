using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelHardware: what this machine has for models.</summary>
[Cmdlet(VerbsCommon.Get, "ModelHardware", DefaultParameterSetName = ThisMachine)]
[OutputType(typeof(Machine))]
public sealed class GetModelHardwareCommand : ModelOpsCmdlet
{
    private const string ThisMachine = "ThisMachine";
    private const string ByReference = "Reference";

    /// <summary>Measure the memory bandwidth, which speed estimates rest on; takes a moment on all cores.</summary>
    [Parameter(ParameterSetName = ThisMachine)]
    public SwitchParameter MeasureBandwidth { get; set; }

    /// <summary>Folder of the store whose disk is meant; the hub cache when left out.</summary>
    [Parameter(ParameterSetName = ThisMachine)]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    /// <summary>Built-in reference machines instead, by name or pattern.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByReference)]
    [ArgumentCompleter(typeof(ReferenceMachineCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Reference { get; set; } = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ParameterSetName == ByReference ? ForEachAsync(Reference, WriteReferencesAsync) : WriteThisMachineAsync(cancellationToken);

    private async Task WriteReferencesAsync(string pattern)
    {
        foreach (var machine in ReferenceMachines.Find(pattern))
        {
            await WriteObjectAsync(machine);
        }
    }

    private async Task WriteThisMachineAsync(CancellationToken cancellationToken)
    {
        var store = await OnPipelineAsync(() => this.OpenStore(Store));
        var settings = new LocalMachineSettings { Note = PostWarning };
        var machine = MeasureBandwidth ? LocalMachine.ReadAndMeasure(store.Options.Directory, settings, cancellationToken) : LocalMachine.Read(store.Options.Directory, settings);
        await WriteObjectAsync(await SessionRunner.WithEngineAsync(machine, cancellationToken));
    }
}
