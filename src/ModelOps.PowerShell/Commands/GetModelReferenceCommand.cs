using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelReference: the branches and tags of a repository.</summary>
[Cmdlet(VerbsCommon.Get, "ModelReference")]
[OutputType(typeof(RepositoryReference))]
public sealed class GetModelReferenceCommand : HubCmdlet
{
    /// <summary>Repositories, org/repo.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Names to keep, with wildcards.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "*";

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var repository = ModelName.Parse(name).Repository;
        var pattern = WildcardPattern.Get(Name, WildcardOptions.IgnoreCase);
        var written = 0;
        foreach (var reference in await Hub.GetReferencesAsync(repository, cancellationToken))
        {
            if (pattern.IsMatch(reference.Name))
            {
                written++;
                await WriteObjectAsync(reference);
            }
        }
        if (written == 0 && !WildcardPattern.ContainsWildcardCharacters(Name))
        {
            throw new ModelOpsException(ErrorKind.RevisionNotFound, $"{repository} has no branch or tag '{Name}'.", $"See what there is: Get-ModelReference {repository}");
        }
    });
}
