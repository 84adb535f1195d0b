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
        var patterns = Endpoint.Select(pattern => WildcardPattern.Get(pattern.TrimEnd('/'), WildcardOptions.IgnoreCase)).ToList();
        foreach (var mirror in SessionMirrors.All.Where(mirror => patterns.Any(pattern => pattern.IsMatch(mirror.Endpoint.ToString().TrimEnd('/')))))
        {
            await WriteObjectAsync(mirror);
        }
    }
}
