using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Export-ModelBundle: writes installed models with their digests to a folder or tar file.</summary>
[Cmdlet(VerbsData.Export, "ModelBundle", SupportsShouldProcess = true)]
[OutputType(typeof(BundleResult))]
public sealed class ExportModelBundleCommand : ModelOpsCmdlet
{
    private readonly List<(string Model, string? Commit)> _wanted = [];

    /// <summary>Installed models, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Folder to write, or a file when it ends in .tar.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("Output", "Destination", "OutFile")]
    [ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = "";

    /// <summary>Variant; objects of Get-Model bring it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(InstalledVariantCompleter))]
    [AllowNull]
    public string? Variant { get; set; }

    /// <summary>Commit, where several are installed; objects of Get-Model bring it.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public string? Commit { get; set; }

    /// <summary>Replace a bundle that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Folder of the store; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
    {
        _wanted.AddRange(Repository.Select(name => (ModelName.Parse(name, string.IsNullOrEmpty(Variant) ? null : Variant).ToString(), string.IsNullOrEmpty(Commit) ? null : Commit)));
        return Task.CompletedTask;
    }

    private protected override async Task EndAsync(CancellationToken cancellationToken)
    {
        var (store, output) = await OnPipelineAsync(() => (this.OpenStore(Store), this.ToFileSystemPath(OutputPath)));
        // A bundle that silently lacks a model would be noticed where nothing can be done about it: one that is missing ends it all.
        var models = _wanted.Select(wanted => BundleWriter.Find(store, wanted.Model, wanted.Commit)).ToList();
        var plan = await BundleWriter.PlanAsync(store, models, output, Force, cancellationToken);
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Write {plan.Output}, {ByteSize.Format(plan.Bytes)}?"))
        {
            return;
        }
        BundleResult result;
        using (var progress = StartProgress<TransferProgress>($"Writing {plan.Output}", PlanText.Step))
        {
            result = await BundleWriter.RunAsync(store, plan, progress, cancellationToken);
        }
        await WriteObjectAsync(result);
    }
}
