using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Uninstall-Model: removes installed models; what others need stays.</summary>
[Cmdlet(VerbsLifecycle.Uninstall, "Model", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, DefaultParameterSetName = ByName)]
[OutputType(typeof(RemovalResult))]
public sealed class UninstallModelCommand : InstalledModelCmdlet
{
    /// <summary>Repositories, with wildcards; also org/repo:variant.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByName)]
    [ArgumentCompleter(typeof(InstalledRepositoryCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ParameterSetName == ByObject
            ? ForEachAsync(InputObject, async model => await RemoveAsync(new StoreCleaner(await OptionsAsync(model)), $"{model.Repository} {model.Variant}", [model], [], cancellationToken))
            : ForEachAsync(Repository, async name =>
            {
                var options = await OptionsAsync();
                var inventory = StoreInventory.Read(options);
                var selection = InstalledSelection.Parse(name, Variant);
                var models = inventory.Models.Where(selection.Matches).ToList();
                // A pattern means what the user owns; a name that only a shared store has is told so.
                if (models.Any(model => !model.IsShared))
                {
                    models.RemoveAll(model => model.IsShared);
                }
                var repositories = selection.IsWhole ? inventory.Repositories.Where(selection.MatchesRepository).ToList() : [];
                if (models.Count == 0 && repositories.Count == 0)
                {
                    if (!selection.IsWild)
                    {
                        throw selection.NotInstalled(inventory);
                    }
                    return;
                }
                await RemoveAsync(new StoreCleaner(options), name, models, repositories, cancellationToken);
            });

    private async Task RemoveAsync(StoreCleaner cleaner, string name, IReadOnlyList<InstalledModel> models, IReadOnlyList<string> repositories, CancellationToken cancellationToken)
    {
        var plan = cleaner.PlanRemoval(models, repositories);
        if (await ShouldProcessAsync(PlanText.Describe(plan, $"Remove {name}"), $"Remove {name} and free {ByteSize.Format(plan.Bytes)}?"))
        {
            await WriteObjectAsync(cleaner.Run(plan, cancellationToken));
        }
    }
}
