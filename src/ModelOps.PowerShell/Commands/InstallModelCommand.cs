using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Install-Model: downloads a variant into the store, or takes it from a bundle; verified.</summary>
[Cmdlet(VerbsLifecycle.Install, "Model", DefaultParameterSetName = FromHub, SupportsShouldProcess = true)]
[OutputType(typeof(InstalledModel))]
public sealed class InstallModelCommand : HubCmdlet
{
    private const string FromHub = "Hub";
    private const string FromBundle = "Bundle";

    /// <summary>Repositories, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FromHub)]
    [Parameter(Position = 0, ParameterSetName = FromBundle)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Variant; without one the repository's only one, else the best known default.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = FromHub)]
    [ArgumentCompleter(typeof(VariantCompleter))]
    [AllowNull]
    public string? Variant { get; set; }

    /// <summary>Branch, tag or commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FromHub)]
    [Alias("Commit")]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [AllowNull]
    public string? Revision { get; set; }

    /// <summary>The vision projector too.</summary>
    [Parameter(ParameterSetName = FromHub)]
    public SwitchParameter IncludeProjector { get; set; }

    /// <summary>Folder or tar file that Export-ModelBundle wrote; no network is used.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FromBundle)]
    [Alias("FromBundle")]
    [ValidateNotNullOrEmpty]
    public string? Bundle { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    /// <summary>Connections at once, at most; 0 takes as many as make it faster.</summary>
    [Parameter(ParameterSetName = FromHub)]
    [ValidateRange(0, 64)]
    public int Connections { get; set; }

    /// <summary>Bytes a second over all connections; as many as come when left out.</summary>
    [Parameter(ParameterSetName = FromHub)]
    [ValidateRange(1024, long.MaxValue)]
    public long? MaximumBytesPerSecond { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => Bundle is null ? DownloadAsync(cancellationToken) : UnpackAsync(cancellationToken);

    private async Task UnpackAsync(CancellationToken cancellationToken)
    {
        var (store, path) = await OnPipelineAsync(() => (this.OpenStore(Store), this.ToFileSystemPath(Bundle!)));
        await using var bundle = await BundleReader.OpenAsync(path, cancellationToken);
        var plan = bundle.PlanInstall(store, Repository);
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Install {plan.Models.Count} models from {plan.Bundle}, {ByteSize.Format(plan.BytesToStore)} to store?"))
        {
            return;
        }
        IReadOnlyList<InstalledModel> models;
        using (var progress = StartProgress<TransferProgress>($"Installing from {plan.Bundle}", PlanText.Step))
        {
            models = await bundle.InstallAsync(store, plan, progress, cancellationToken);
        }
        foreach (var model in models)
        {
            await WriteObjectAsync(model);
        }
    }

    private Task DownloadAsync(CancellationToken cancellationToken) => ForEachAsync(Repository, async name =>
    {
        var wanted = ModelName.Parse(name, NullIfEmpty(Variant));
        var options = (await OnPipelineAsync(() => this.OpenStore(Store))).Options;
        var store = new ModelStore(options with { Connections = Connections, MaximumBytesPerSecond = MaximumBytesPerSecond });
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
