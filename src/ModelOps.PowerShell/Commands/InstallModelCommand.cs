using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Install-Model: downloads a variant into the store, verified.</summary>
[Cmdlet(VerbsLifecycle.Install, "Model", SupportsShouldProcess = true)]
[OutputType(typeof(InstalledModel))]
public sealed class InstallModelCommand : HubCmdlet
{
    /// <summary>Repositories, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Variant; without one the repository's only one, else the best known default.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
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

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var wanted = ModelName.Parse(name, NullIfEmpty(Variant));
        var store = await OnPipelineAsync(() => this.OpenStore(Store));
        var plan = await store.PlanInstallAsync(Hub, wanted.Repository, wanted.Variant, NullIfEmpty(Revision), IncludeProjector, cancellationToken);
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Install {plan.Repository}, {ByteSize.Format(plan.BytesToFetch)} to fetch?"))
        {
            return;
        }
        InstalledModel model;
        using (var progress = StartProgress<TransferProgress>($"Installing {plan.Repository} {plan.Variant}", PlanText.Step))
        {
            model = await store.InstallAsync(Hub, plan, progress, cancellationToken);
        }
        await WriteObjectAsync(model);
    });

    // A null property of a piped object binds as an empty string.
    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
