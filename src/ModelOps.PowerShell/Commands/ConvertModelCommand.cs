using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Convert-Model: writes a checkpoint, or another GGUF file, as a GGUF file, quantised.</summary>
[Cmdlet(VerbsData.Convert, "Model", DefaultParameterSetName = ByPath, SupportsShouldProcess = true)]
[OutputType(typeof(ConversionResult))]
public sealed class ConvertModelCommand : ModelPathCmdlet
{
    /// <summary>The recipe, such as Q4_0.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(RecipeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Type { get; set; } = "BF16";

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

    private protected override async Task ProcessModelAsync(string path, CancellationToken cancellationToken)
    {
        var options = new ConversionOptions { Type = Type, Projector = Projector, KeepLattice = !NoLattice, Threads = Threads, MemoryBytes = MemoryLimit, SplitMaxBytes = SplitMaxSize, Provenance = !NoProvenance, ModelName = ModelName, PreTokenizer = PreTokenizer, Overwrite = Force };
        options = options with { Adapters = await OnPipelineAsync(() => Adapter.Select(AdapterMerge.Parse).Select(adapter => adapter with { Path = this.ToFileSystemPath(adapter.Path) }).ToList()) };
        if (AdapterFolder.IsOne(path))
        {
            options = options with { BaseModel = await OnPipelineAsync(() => AdapterBase.Find(this.OpenStore(Store), path, BaseModel)) };
        }
        var output = await OnPipelineAsync(() => ChooseOutput(path));
        var plan = ConversionPlan.Create(path, output, options);
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

    private string ChooseOutput(string source)
    {
        var target = this.ToFileSystemPath(OutputPath ?? ".");
        if (OutputPath is not null && !Directory.Exists(target))
        {
            return target;
        }
        // A snapshot folder is named after a commit; its repository has the name that people know.
        var repository = AdapterFolder.IsOne(source) ? null : this.OpenStore(Store).Resolve(source).Repository;
        return System.IO.Path.Combine(target, ConversionPlan.DefaultFileName(source, repository, Type, Projector));
    }
}
