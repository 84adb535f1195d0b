using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Import-Model: takes a GGUF file or a folder of this machine into the store.</summary>
[Cmdlet(VerbsData.Import, "Model", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
[OutputType(typeof(InstalledModel))]
public sealed class ImportModelCommand : ModelOpsCmdlet
{
    private const string ByPath = "Path";
    private const string ByLiteralPath = "LiteralPath";

    /// <summary>GGUF files or folders, with wildcards.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByPath)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>GGUF files or folders; no character is a wildcard.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByLiteralPath)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Repository to file it under, org/repo.</summary>
    [Parameter(Position = 1)]
    [Alias("Repository")]
    [ArgumentCompleter(typeof(InstalledRepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>Move the files instead of copying them.</summary>
    [Parameter]
    public SwitchParameter Move { get; set; }

    /// <summary>Let the name stand for this content even when it stands for another.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(ParameterSetName == ByLiteralPath ? LiteralPath : Path, async pattern =>
    {
        var paths = await OnPipelineAsync(() => ParameterSetName == ByLiteralPath ? [this.ToFileSystemPath(pattern)] : this.ExpandPath(pattern));
        await ForEachAsync(paths, path => ImportAsync(path, cancellationToken));
    });

    private async Task ImportAsync(string path, CancellationToken cancellationToken)
    {
        var store = await OnPipelineAsync(() => this.OpenStore(Store));
        ImportPlan plan;
        using (var progress = StartProgress<TransferProgress>($"Reading {path}", PlanText.Step))
        {
            plan = await ModelImport.PlanAsync(store, path, new ImportOptions { Name = Name, Move = Move, Force = Force }, progress, cancellationToken);
        }
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"{(plan.Move ? "Move" : "Copy")} {plan.Source} into the store, {ByteSize.Format(plan.BytesToStore)}?"))
        {
            return;
        }
        IReadOnlyList<InstalledModel> models;
        using (var progress = StartProgress<TransferProgress>($"Importing {plan.Repository}", PlanText.Step))
        {
            models = await ModelImport.RunAsync(store, plan, progress, cancellationToken);
        }
        foreach (var model in models)
        {
            await WriteObjectAsync(model);
        }
    }
}
