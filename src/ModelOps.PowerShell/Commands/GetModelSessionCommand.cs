using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelSession: the worker process of this session, and what it holds.</summary>
[Cmdlet(VerbsCommon.Get, "ModelSession")]
[OutputType(typeof(ModelSession))]
public sealed class GetModelSessionCommand : ModelOpsCmdlet
{
    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => SessionRunner.Session is { } session ? WriteObjectAsync(session) : Task.CompletedTask;
}
