using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Stop-ModelServer: ends servers of this session, when they have finished what they are answering.</summary>
[Cmdlet(VerbsLifecycle.Stop, "ModelServer", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopModelServerCommand : ModelOpsCmdlet
{
    /// <summary>Process ids of servers, as Get-ModelServer writes them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    public int[] ProcessId { get; set; } = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(ProcessId, async id =>
    {
        if (await ShouldProcessAsync($"Stop the server with the process id {id}", $"Stop the server with the process id {id}?"))
        {
            await StartedServices.Servers.StopAsync(id, cancellationToken);
        }
    });
}
