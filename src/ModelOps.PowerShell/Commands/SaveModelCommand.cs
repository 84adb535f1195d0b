using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Save-Model: saves a variant to a plain folder, from the store and from the hub.</summary>
[Cmdlet(VerbsData.Save, "Model", SupportsShouldProcess = true)]
[OutputType(typeof(SavedModel))]
public sealed class SaveModelCommand : HubCmdlet
{
    /// <summary>Repositories, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Folder to save to.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("To", "Destination", "OutputPath")]
    [ValidateNotNullOrEmpty]
    public string Directory { get; set; } = "";

    /// <summary>Variant; without one the repository's only one, else the best known default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(VariantCompleter))]
    [AllowNull]
    public string? Variant { get; set; }

    /// <summary>Branch, tag or commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Commit")]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [AllowNull]
    public string? Revision { get; set; }

    /// <summary>The vision projector too.</summary>
    [Parameter]
    public SwitchParameter IncludeProjector { get; set; }

    /// <summary>Replace files that have other content.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var wanted = ModelName.Parse(name, string.IsNullOrEmpty(Variant) ? null : Variant);
        var (store, folder) = await OnPipelineAsync(() => (this.OpenStore(Store), this.ToFileSystemPath(Directory)));
        var plan = await ModelSave.PlanAsync(store, Hub, wanted.Repository, folder, wanted.Variant, string.IsNullOrEmpty(Revision) ? null : Revision, Force, IncludeProjector, cancellationToken);
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Save {plan.Repository} to {plan.Directory}, {ByteSize.Format(plan.Bytes)}?"))
        {
            return;
        }
        SavedModel model;
        using (var progress = StartProgress<TransferProgress>($"Saving {plan.Repository} {plan.Variant}", PlanText.Step))
        {
            model = await ModelSave.RunAsync(store, Hub, plan, progress, cancellationToken);
        }
        await WriteObjectAsync(model);
    });
}
