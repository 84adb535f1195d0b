using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Stop-ModelMirror: ends mirrors of this session; downloads under way continue when a mirror of the store runs again.</summary>
[Cmdlet(VerbsLifecycle.Stop, "ModelMirror", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopModelMirrorCommand : ModelOpsCmdlet
{
    /// <summary>Process ids of mirrors, as Get-ModelMirror writes them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    public int[] ProcessId { get; set; } = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(ProcessId, async id =>
    {
        if (await ShouldProcessAsync($"Stop the mirror with the process id {id}", $"Stop the mirror with the process id {id}?"))
        {
            await StartedServices.Mirrors.StopAsync(id, cancellationToken);
        }
    });
}
