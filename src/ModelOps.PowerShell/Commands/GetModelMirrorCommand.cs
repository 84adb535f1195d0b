using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelMirror: the mirrors that this session started and that still run.</summary>
[Cmdlet(VerbsCommon.Get, "ModelMirror")]
[OutputType(typeof(ModelMirror))]
public sealed class GetModelMirrorCommand : ServiceListCmdlet<ModelMirror>
{
    private protected override SessionServices<ModelMirror> Services => StartedServices.Mirrors;
}
