using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Export-Model: writes a model as the folder that MLX, vLLM or SGLang load.</summary>
[Cmdlet(VerbsData.Export, "Model", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
[OutputType(typeof(ExportResult))]
public sealed class ExportModelCommand : ModelPathCmdlet
{
    private static readonly ExportOptions Defaults = new() { Format = ExportFormat.Mlx };

    private readonly HashSet<string> _outputs = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    /// <summary>Whose folder: mlx or compressed-tensors.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(ExportFormatCompleter))]
    [ValidateNotNullOrEmpty]
    public string To { get; set; } = "";

    /// <summary>Folder to write.</summary>
    [Parameter(Mandatory = true, Position = 2)]
    [Alias("Output", "Destination")]
    [ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = "";

    /// <summary>For a GGUF file: the checkpoint that it was made from, a folder or an installed model.</summary>
    [Parameter]
    [Alias("Base")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? BaseModel { get; set; }

    /// <summary>Bits of the codes that weights without a lattice are rounded to; 4 when left out, and 8 for what is quantised to more than 5 already.</summary>
    [Parameter]
    [ValidateSet("4", "8")]
    public int? Bits { get; set; }

    /// <summary>Weights that share a scale where they are rounded.</summary>
    [Parameter]
    [ValidateSet("32", "64", "128")]
    public int GroupSize { get; set; } = Defaults.GroupSize;

    /// <summary>Type of scales and of what is not quantised; the one that fits the source when left out.</summary>
    [Parameter]
    [Alias("Dtype")]
    [ValidateSet("BF16", "F16")]
    public string? NumberType { get; set; }

    /// <summary>Round all weights anew.</summary>
    [Parameter]
    public SwitchParameter NoLattice { get; set; }

    /// <summary>Threads; 0 means one a core.</summary>
    [Parameter]
    [ValidateRange(0, 512)]
    public int Threads { get; set; }

    /// <summary>Replace a model folder that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override async Task ProcessModelAsync(string path, CancellationToken cancellationToken)
    {
        var (output, options) = await OnPipelineAsync(() => (this.ToFileSystemPath(OutputPath), new ExportOptions
        {
            Format = ExportFormats.Parse(To),
            KeepLattice = !NoLattice,
            Bits = Bits,
            GroupSize = GroupSize,
            NumberType = NumberType,
            BaseModel = BaseModel is null ? null : ExportBase.Find(this.OpenStore(Store), this.PathOrName(BaseModel)),
            Threads = Threads,
            Overwrite = Force,
        }));
        // -Force is meant for what was there before, not for what the source before this one has become.
        if (!_outputs.Add(output))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is the output of another of these sources already.", "Export them one by one, each to a folder of its own.");
        }
        var plan = ExportPlan.Create(path, output, options);
        foreach (var warning in plan.Warnings)
        {
            PostWarning(Recommendation.InCmdlets(warning));
        }
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Write {plan.Output}, {ByteSize.Format(plan.Bytes)}?"))
        {
            return;
        }
        ExportResult result;
        using (var progress = StartProgress<ExportProgress>($"Exporting to {To}", PlanText.Step))
        {
            result = await ModelExporter.RunAsync(plan, progress, cancellationToken);
        }
        await WriteObjectAsync(result with { Warnings = [.. result.Warnings.Select(Recommendation.InCmdlets)], Notes = [.. result.Notes.Select(Recommendation.InCmdlets)] });
    }

    private protected override string Resolve(ModelStore store, string model) => store.ResolveSource(model).Path;
}
