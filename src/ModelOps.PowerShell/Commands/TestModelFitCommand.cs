using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit: memory and speed of a model on a machine, from headers only.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ModelFit", DefaultParameterSetName = ByModel)]
[OutputType(typeof(FitResult), typeof(bool))]
public sealed class TestModelFitCommand : HubCmdlet
{
    private const string ByModel = "Model";
    private const string ByRepository = "Repository";

    /// <summary>GGUF files, checkpoint folders, installed models or org/repo[:variant] of the hub.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByModel)]
    [Alias("Path", "FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Model { get; set; } = [];

    /// <summary>Repositories of the hub, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByRepository)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Variant of the repository; without one, that which Install-Model would take.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ByRepository)]
    [ArgumentCompleter(typeof(VariantCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Variant { get; set; }

    /// <summary>Branch, tag or commit of the repository.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ByRepository)]
    [Alias("Commit")]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Revision { get; set; }

    /// <summary>Context length in tokens; 0 means the smaller of 4096 and what the model was trained for.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int ContextLength { get; set; }

    /// <summary>Layers on GPUs; -1 all; as many as fit when left out.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int? GpuLayers { get; set; }

    /// <summary>Storage type of keys and values.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(KvTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string KvType { get; set; } = nameof(GgmlType.F16);

    /// <summary>Tokens in one physical batch.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 512;

    /// <summary>Flash attention: On, Off, or Auto, which is on where the engine can.</summary>
    [Parameter]
    [ValidateSet("Auto", "On", "Off")]
    public string FlashAttention { get; set; } = "Auto";

    /// <summary>For a checkpoint: the recipe it would be converted with.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(RecipeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Type { get; set; } = "BF16";

    /// <summary>A machine of Get-ModelHardware, or a JSON file with one; this machine when left out.</summary>
    [Parameter]
    [MachineTransformation]
    [ValidateNotNull]
    public Machine? Machine { get; set; }

    /// <summary>Only say whether it fits.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Folder of the store that installed models are looked for in; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private ModelStore OpenedStore { get; set; } = null!;

    // This machine for files that are on its disk and need no more room there (a checkpoint is yet to be converted); null when another was given.
    private Machine? _withoutDisk;

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        FitRequest.ParseKvType(KvType); // once for all models, before the first
        OpenedStore = await OnPipelineAsync(() => this.OpenStore(Store));
        if (Machine is null)
        {
            Machine = LocalMachine.ReadAndMeasure(OpenedStore.Options.Directory, cancellationToken);
            _withoutDisk = Machine with { DiskFreeBytes = null };
        }
    }

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ParameterSetName == ByRepository
            ? ForEachAsync(Repository, name => TestRemoteAsync(name, cancellationToken))
            : ForEachAsync(Model, async name =>
            {
                ResolvedModel local;
                try
                {
                    local = await OnPipelineAsync(() => OpenedStore.Resolve(this.PathOrName(name)));
                }
                catch (ModelOpsException e) when (e.Kind == ErrorKind.ModelNotFound && ModelName.TryParse(name) is not null)
                {
                    await TestRemoteAsync(name, cancellationToken);
                    return;
                }
                var shape = ModelShapeReader.Read(local.Path, local.Kind, local.Repository, Type);
                await WriteFitAsync(shape, local.Kind == ModelKind.Gguf && _withoutDisk is { } here ? here : Machine!, fit => fit with { Repository = local.Repository, Path = local.Path });
            });

    private async Task TestRemoteAsync(string name, CancellationToken cancellationToken)
    {
        var wanted = ModelName.Parse(name, Variant);
        // The variant that Install-Model would take: the fit is about the very same files.
        var variant = await Hub.GetVariantAsync(wanted.Repository, wanted.Variant, Revision, cancellationToken);
        PostVerbose($"Reading the headers of {variant.Repository}:{variant.Name} at {variant.Commit}");
        var shape = await ModelShapeReader.ReadAsync(Hub, variant, Type, cancellationToken);
        await WriteFitAsync(shape, Machine!, fit => fit with { Repository = variant.Repository, Commit = variant.Commit, Variant = variant.Name });
    }

    private async Task WriteFitAsync(ModelShape shape, Machine machine, Func<FitResult, FitResult> complete)
    {
        var request = new FitRequest
        {
            ContextLength = ContextLength,
            GpuLayers = GpuLayers,
            KvType = FitRequest.ParseKvType(KvType),
            BatchSize = BatchSize,
            FlashAttention = FlashAttention switch { "On" => true, "Off" => false, _ => null },
        };
        var fit = complete(FitEstimator.Estimate(shape, machine, request));
        await WriteObjectAsync(Quiet ? fit.Fits : fit);
    }
}
