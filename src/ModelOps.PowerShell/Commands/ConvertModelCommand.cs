using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Convert-Model: writes a checkpoint, or another GGUF file, as a GGUF file, quantised.</summary>
[Cmdlet(VerbsData.Convert, "Model", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
[OutputType(typeof(ConversionResult))]
public sealed partial class ConvertModelCommand : ModelPathCmdlet
{
    private const string FromHub = "Remote";

    private readonly HashSet<string> _outputs = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    // Not from the pipeline: records of the store have a Repository too, and would no longer bind by their path.
    /// <summary>Repositories of the hub, org/repo[:variant], whose weights are converted as they arrive.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FromHub)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Convert from the hub without storing the model.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FromHub)]
    public SwitchParameter Remote { get; set; }

    /// <summary>Branch, tag or commit.</summary>
    [Parameter(ParameterSetName = FromHub)]
    [Alias("Commit")]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [AllowNull]
    public string? Revision { get; set; }

    /// <summary>Address of the hub; HF_ENDPOINT, else the Hugging Face hub.</summary>
    [Parameter(ParameterSetName = FromHub)]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    /// <summary>File to write, or an existing folder to write into; the current location when left out.</summary>
    [Parameter(Position = 2)]
    [Alias("Output", "Destination", "OutFile")]
    [ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>The vision tower, as a projector file, instead of the language model.</summary>
    [Parameter]
    public SwitchParameter Projector { get; set; }

    /// <summary>Round as llama.cpp does, even where a quantization lattice could be kept.</summary>
    [Parameter]
    public SwitchParameter NoLattice { get; set; }

    /// <summary>Threads; 0 means one a core.</summary>
    [Parameter]
    [ValidateRange(0, 512)]
    public int Threads { get; set; }

    /// <summary>Memory for weights under way, such as 1GB.</summary>
    [Parameter]
    [ValidateRange(ConversionOptions.LeastMemoryBytes, long.MaxValue)]
    public long MemoryLimit { get; set; } = new ConversionOptions().MemoryBytes;

    /// <summary>Most bytes of weights in a file, such as 2GB; all in one when left out.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long? SplitMaxSize { get; set; }

    /// <summary>Leave out the modelops.* metadata.</summary>
    [Parameter]
    public SwitchParameter NoProvenance { get; set; }

    /// <summary>Name of the model inside the file; the checkpoint's when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ModelName { get; set; }

    /// <summary>llama.cpp's name of the pre-tokenizer; taken from tokenizer.json when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    /// <summary>An importance matrix, measured by llama-imatrix on this model.</summary>
    [Parameter]
    [Alias("Imatrix")]
    [ValidateNotNullOrEmpty]
    public string? ImportanceMatrix { get; set; }

    /// <summary>LoRA adapters to merge: folders, each with a colon and a scale after it where it is not 1.</summary>
    [Parameter]
    [Alias("Lora")]
    [ValidateNotNullOrEmpty]
    public string[] Adapter { get; set; } = [];

    /// <summary>When an adapter is converted: the model that it adapts; the one that the adapter names when left out.</summary>
    [Parameter]
    [Alias("Base")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? BaseModel { get; set; }

    /// <summary>Replace a file that is already there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        if (ParameterSetName != FromHub)
        {
            await base.ProcessAsync(cancellationToken);
            return;
        }
        using var hub = Sources.OpenHub(Endpoint, PostNotice);
        await ForEachAsync(Repository, async name =>
        {
            var (repository, wanted) = ModelOps.ModelName.Parse(name);
            var variant = await RemoteSource.FindAsync(hub, repository, wanted, string.IsNullOrEmpty(Revision) ? null : Revision, cancellationToken);
            var options = await OptionsAsync(cancellationToken);
            var output = await OnPipelineAsync(() => ChooseOutput(() => ConversionPlan.DefaultFileName(variant, options.Type, Projector)));
            await RunAsync(await ConversionPlan.CreateAsync(hub, variant, output, options, cancellationToken), cancellationToken);
        });
    }

    private protected override async Task ProcessModelAsync(string path, CancellationToken cancellationToken)
    {
        var options = await OptionsAsync(cancellationToken);
        var isAdapter = AdapterFolder.IsOne(path);
        if (isAdapter)
        {
            options = options with { BaseModel = await OnPipelineAsync(() => AdapterBase.Find(this.OpenStore(Store), path, BaseModel)) };
        }
        // A snapshot folder is named after a commit; its repository has the name that people know.
        var output = await OnPipelineAsync(() => ChooseOutput(() => ConversionPlan.DefaultFileName(path, isAdapter ? null : this.OpenStore(Store).Resolve(path).Repository, options.Type, Projector)));
        await RunAsync(ConversionPlan.Create(path, output, options), cancellationToken);
    }

    private Task<ConversionOptions> OptionsAsync(CancellationToken cancellationToken) => OnPipelineAsync(() => Choose(new ConversionOptions
    {
        Projector = Projector,
        KeepLattice = !NoLattice,
        Threads = Threads,
        MemoryBytes = MemoryLimit,
        SplitMaxBytes = SplitMaxSize,
        Provenance = !NoProvenance,
        ModelName = ModelName,
        PreTokenizer = PreTokenizer,
        ImportanceMatrix = ImportanceMatrix is null ? null : this.ToFileSystemPath(ImportanceMatrix),
        BaseModel = BaseModel,
        Overwrite = Force,
        Adapters = [.. Adapter.Select(AdapterMerge.Parse).Select(adapter => adapter with { Path = this.ToFileSystemPath(adapter.Path) })],
    }, cancellationToken));

    private async Task RunAsync(ConversionPlan plan, CancellationToken cancellationToken)
    {
        // -Force is meant for what was there before, not for what the source before this one has become.
        if (!_outputs.Add(plan.Output))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{plan.Output} is the output of another of these sources already.", "Convert them one by one, each to a name of its own.");
        }
        foreach (var warning in plan.Warnings)
        {
            PostWarning(warning);
        }
        if (!await ShouldProcessAsync(PlanText.Describe(plan), $"Write {plan.Output}, {ByteSize.Format(plan.Bytes)}?"))
        {
            return;
        }
        ConversionResult result;
        using (var progress = StartProgress<ConversionProgress>($"Converting to {plan.Type}", PlanText.Step))
        {
            result = await ModelConverter.RunAsync(plan, progress, cancellationToken);
        }
        await WriteObjectAsync(result with { Notes = [.. result.Notes.Select(Recommendation.InCmdlets)] });
    }

    // A repository may be installed in several variants; a conversion means its checkpoint, when there is one.
    private protected override string Resolve(ModelStore store, string model)
        => Directory.Exists(model) && AdapterFolder.IsOne(model) ? model : store.ResolveSource(model).Path;

    private string ChooseOutput(Func<string> name)
    {
        var target = this.ToFileSystemPath(OutputPath ?? ".");
        return OutputPath is not null && !Directory.Exists(target) ? target : System.IO.Path.Combine(target, name());
    }
}
