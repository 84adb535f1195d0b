using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelHardware: what this machine has for models.</summary>
[Cmdlet(VerbsCommon.Get, "ModelHardware")]
[OutputType(typeof(Machine))]
public sealed class GetModelHardwareCommand : ModelOpsCmdlet
{
    /// <summary>Measure the memory bandwidth, which speed estimates rest on; takes a moment on all cores.</summary>
    [Parameter]
    public SwitchParameter MeasureBandwidth { get; set; }

    /// <summary>Folder of the store whose disk is meant; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var store = await OnPipelineAsync(() => this.OpenStore(Store));
        var machine = MeasureBandwidth ? LocalMachine.ReadAndMeasure(store.Options.Directory, cancellationToken) : LocalMachine.Read(store.Options.Directory);
        await WriteObjectAsync(machine);
    }
}
