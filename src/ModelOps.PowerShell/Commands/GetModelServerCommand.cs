using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelServer: the servers that this session started and that still run.</summary>
[Cmdlet(VerbsCommon.Get, "ModelServer")]
[OutputType(typeof(ModelServer))]
public sealed class GetModelServerCommand : ServiceListCmdlet<ModelServer>
{
    private protected override SessionServices<ModelServer> Services => StartedServices.Servers;
}
