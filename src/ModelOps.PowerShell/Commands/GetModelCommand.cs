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

    /// <summary>Write incomplete models too, and warn of what is broken or not known in the store.</summary>
    [Parameter]
    public SwitchParameter All { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private StoreInventory? _inventory;

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        if (_inventory is null)
        {
            var store = await OnPipelineAsync(() => this.OpenStore(Store));
            _inventory = StoreInventory.Read(store.Options);
            foreach (var note in All ? _inventory.Notes : [])
            {
                PostWarning($"{note.Path}: {note.Message}");
            }
        }
        var selection = InstalledSelection.Parse(name, Variant);
        var written = 0;
        foreach (var model in _inventory.Models.Where(model => (All || model.IsComplete) && selection.Matches(model)))
        {
            written++;
            await WriteObjectAsync(model);
        }
        if (written == 0 && !selection.IsWild)
        {
            throw selection.NotInstalled(_inventory);
        }
    });
}
