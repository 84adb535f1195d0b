using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Close-ModelSession: ends the worker process of this session.</summary>
[Cmdlet(VerbsCommon.Close, "ModelSession", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class CloseModelSessionCommand : ModelOpsCmdlet
{
    /// <summary>Process id of the worker, as Get-ModelSession writes it; the session's, whatever its id, when left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    public int? ProcessId { get; set; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var session = SessionRunner.Session;
        if (ProcessId is { } id && id != session?.ProcessId)
        {
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"This session has no worker with the process id {id}.", "Get-ModelSession shows the one it has.");
        }
        if (session is null)
        {
            return;
        }
        var plan = $"End the worker process {session.ProcessId}{(session.Model is null ? "" : $", which holds {session.Model}")}";
        if (await ShouldProcessAsync(plan, plan + "?"))
        {
            await SessionRunner.CloseAsync(cancellationToken);
        }
    }
}
