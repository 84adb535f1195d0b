using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-ModelVariant: what a repository offers.</summary>
[Cmdlet(VerbsCommon.Get, "ModelVariant")]
[OutputType(typeof(ModelVariant))]
public sealed class GetModelVariantCommand : HubCmdlet
{
    /// <summary>Repositories, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Variants to keep, with wildcards.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(VariantCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Variant { get; set; }

    /// <summary>Branch, tag or commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Commit")]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var (repository, variantOfName) = Sources.SplitVariant(name);
        var wanted = Variant ?? variantOfName;
        var pattern = wanted is null ? null : WildcardPattern.Get(wanted, WildcardOptions.IgnoreCase);
        var variants = await Hub.GetVariantsAsync(repository, Revision, cancellationToken);
        var written = 0;
        foreach (var variant in variants)
        {
            if (pattern is null || pattern.IsMatch(variant.Name))
            {
                written++;
                await WriteObjectAsync(variant);
            }
        }
        if (written == 0 && wanted is not null && !WildcardPattern.ContainsWildcardCharacters(wanted))
        {
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"{repository} has no variant '{wanted}'.", $"It has: {string.Join(", ", variants.Select(variant => variant.Name))}.");
        }
    });
}
