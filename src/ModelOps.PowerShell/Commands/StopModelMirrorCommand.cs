using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Stop-ModelMirror: ends mirrors of this session; downloads under way continue when a mirror of the store runs again.</summary>
[Cmdlet(VerbsLifecycle.Stop, "ModelMirror", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopModelMirrorCommand : ServiceEndCmdlet<ModelMirror>
{
    private protected override SessionServices<ModelMirror> Services => StartedServices.Mirrors;
}
