using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelMirror: the mirrors that this session started and that still run.</summary>
[Cmdlet(VerbsCommon.Get, "ModelMirror")]
[OutputType(typeof(ModelMirror))]
public sealed class GetModelMirrorCommand : ModelOpsCmdlet
{
    /// <summary>Addresses, with wildcards.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Endpoint { get; set; } = ["*"];

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        foreach (var mirror in StartedServices.Mirrors.Find(Endpoint, mirror => mirror.Endpoint))
        {
            await WriteObjectAsync(mirror);
        }
    }
}
