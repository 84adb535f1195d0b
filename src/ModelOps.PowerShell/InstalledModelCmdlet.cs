using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell;

/// <summary>
/// Base of the cmdlets that look after installed models: named by patterns, or as Get-Model wrote them, which says in which store they are.
/// </summary>
public abstract class InstalledModelCmdlet : ModelOpsCmdlet
{
    private protected const string ByName = "Name";
    private protected const string ByObject = "InputObject";

    /// <summary>Variants, with wildcards.</summary>
    [Parameter(Position = 1, ParameterSetName = ByName)]
    [ArgumentCompleter(typeof(InstalledVariantCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string? Variant { get; set; }

    /// <summary>Models of Get-Model, Install-Model or Test-Model.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByObject)]
    [Alias("Model")]
    [ValidateNotNullOrEmpty]
    public InstalledModel[] InputObject { get; set; } = [];

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter(ParameterSetName = ByName)]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    /// <summary>Options of the store that is named, or of that of the environment.</summary>
    private protected Task<StoreOptions> OptionsAsync() => OnPipelineAsync(() => this.OpenStore(Store).Options);

    /// <summary>Options of the store that a model is in. A shared store stays one: nobody's model becomes one's own by being piped.</summary>
    private protected async Task<StoreOptions> OptionsAsync(InstalledModel model)
    {
        var options = await OptionsAsync();
        return model.IsShared || model.Store.Length == 0 ? options : options with { Directory = model.Store };
    }
}
