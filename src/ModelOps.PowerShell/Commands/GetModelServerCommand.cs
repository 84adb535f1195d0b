using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelServer: the servers that this session started and that still run.</summary>
[Cmdlet(VerbsCommon.Get, "ModelServer")]
[OutputType(typeof(ModelServer))]
public sealed class GetModelServerCommand : ModelOpsCmdlet
{
    /// <summary>Addresses, with wildcards.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Endpoint { get; set; } = ["*"];

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        foreach (var server in StartedServices.Servers.Find(Endpoint, server => server.Endpoint))
        {
            await WriteObjectAsync(server);
        }
    }
}
