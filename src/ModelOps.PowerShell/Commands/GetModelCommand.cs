using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Get-Model: what is installed.</summary>
[Cmdlet(VerbsCommon.Get, "Model")]
[OutputType(typeof(InstalledModel))]
public sealed class GetModelCommand : ModelOpsCmdlet
{
    /// <summary>Repositories, with wildcards; also org/repo:variant.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(InstalledRepositoryCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = ["*"];

    /// <summary>Variants, with wildcards.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(InstalledVariantCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Variant { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var store = await OnPipelineAsync(() => this.OpenStore(Store));
        // Not a ModelName: both parts may be patterns.
        var parts = name.Split(':', 2);
        var repository = parts[0];
        var wanted = Variant ?? (parts.Length == 2 ? parts[1] : "*");
        var repositories = WildcardPattern.Get(repository, WildcardOptions.IgnoreCase);
        var variants = WildcardPattern.Get(wanted, WildcardOptions.IgnoreCase);
        var written = 0;
        foreach (var model in store.GetModels())
        {
            if (repositories.IsMatch(model.Repository) && variants.IsMatch(model.Variant))
            {
                written++;
                await WriteObjectAsync(model);
            }
        }
        // As Get-Process does: silence for a pattern, an error for a name.
        if (written == 0 && !WildcardPattern.ContainsWildcardCharacters(repository))
        {
            throw new ModelOpsException(ErrorKind.ModelNotFound, $"{name} is not installed in {store.Options.Directory}.", $"Install it: Install-Model {repository}");
        }
    });
}
