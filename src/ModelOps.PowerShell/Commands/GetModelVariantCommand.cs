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
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    /// <summary>Leave out whether the variants fit this machine, and with it the reading of their headers.</summary>
    [Parameter]
    public SwitchParameter NoFit { get; set; }

    /// <summary>Read the header of every GGUF variant.</summary>
    [Parameter]
    public SwitchParameter Header { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var (repository, variantOfName) = ModelName.Parse(name);
        var wanted = Variant ?? variantOfName;
        var pattern = wanted is null ? null : WildcardPattern.Get(wanted, WildcardOptions.IgnoreCase);
        var variants = await Hub.GetVariantsAsync(repository, Revision, cancellationToken);
        IReadOnlyList<ModelVariant> chosen = [.. variants.Where(variant => pattern is null || pattern.IsMatch(variant.Name))];
        if (!NoFit || Header)
        {
            chosen = await VariantFit.CheckAsync(Hub, chosen, NoFit ? null : await SessionRunner.WithEngineAsync(LocalMachine.Read(), cancellationToken), Header, cancellationToken);
        }
        foreach (var variant in chosen)
        {
            await WriteObjectAsync(variant);
        }
        if (chosen.Count == 0 && wanted is not null && !WildcardPattern.ContainsWildcardCharacters(wanted))
        {
            throw new ModelOpsException(ErrorKind.VariantNotFound, $"{repository} has no variant '{wanted}'.", $"It has: {string.Join(", ", variants.Select(variant => variant.Name))}.");
        }
    });
}
