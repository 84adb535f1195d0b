using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Stop-ModelServer: ends servers of this session, when they have finished what they are answering.</summary>
[Cmdlet(VerbsLifecycle.Stop, "ModelServer", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopModelServerCommand : ServiceEndCmdlet<ModelServer>
{
    private protected override SessionServices<ModelServer> Services => StartedServices.Servers;
}
