using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Test-ModelFit: memory and speed of a model on a machine, from headers only.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ModelFit", DefaultParameterSetName = ByModel)]
[OutputType(typeof(FitResult), typeof(bool))]
public sealed partial class TestModelFitCommand : HubCmdlet
{
    private const string ByModel = "Model";
    private const string ByRepository = "Repository";

    /// <summary>GGUF files, checkpoint folders, installed models or org/repo[:variant] of the hub.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByModel)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByMachine)]
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

    /// <summary>For a checkpoint: the recipe it would be converted with.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(RecipeCompleter))]
    [ValidateNotNullOrEmpty]
    public string Type { get; set; } = "BF16";

    /// <summary>Show of every part of the memory how it was computed, and how far it may be off.</summary>
    [Parameter]
    public SwitchParameter Explain { get; set; }

    /// <summary>Only say whether it fits.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Folder of the store that installed models are looked for in; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private ModelStore OpenedStore { get; set; } = null!;

    private FitRequest Request { get; set; } = null!;

    /// <summary>A model whose headers are read, and how its answers are completed.</summary>
    private sealed record Subject(ModelShape Shape, ResolvedModel? Local, FitRequest Request, Func<FitResult, FitResult> Complete, Func<ModelHeader> ReadHeader);

    private readonly Dictionary<string, Subject> _read = new(StringComparer.Ordinal);

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        Request = await ReadRequestAsync(); // once for all models, before the first
        OpenedStore = await OnPipelineAsync(() => this.OpenStore(Store));
    }

    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ParameterSetName == ByRepository
            ? ForEachAsync(Repository, name => TestRemoteAsync(name, cancellationToken))
            : ForEachAsync(Model, async name =>
            {
                if (_read.TryGetValue(name, out var read))
                {
                    // Machines come down the pipeline, the model stays the same.
                    await WriteFitsAsync(read, cancellationToken);
                    return;
                }
                ResolvedModel local;
                try
                {
                    local = await OnPipelineAsync(() => OpenedStore.Resolve(this.PathOrName(name)));
                }
                catch (ModelOpsException e) when (e.Kind == ErrorKind.ModelNotFound && ModelName.TryParse(name) is not null)
                {
                    _read[name] = await TestRemoteAsync(name, cancellationToken);
                    return;
                }
                var shape = ModelShapeReader.Read(local.Path, local.Kind, local.Repository, Type);
                RequireType(shape);
                _read[name] = new Subject(shape, local, await WithCompanionsAsync(local, null, cancellationToken), fit => fit with { Model = local.Path, Repository = local.Repository, Path = local.Path }, () => ModelHeaderReader.Read(local.Path, local.Kind, Type));
                await WriteFitsAsync(_read[name], cancellationToken);
            });

    private async Task<Subject> TestRemoteAsync(string name, CancellationToken cancellationToken)
    {
        var wanted = ModelName.Parse(name, Variant);
        PostVerbose($"Reading the headers of {wanted}");
        // The variant that Install-Model would take: the fit is about the very same files.
        var found = await ModelShapeReader.FindAsync(Hub, wanted.Repository, wanted.Variant, Revision, Type, ShapeCache.Of(OpenedStore.Options), cancellationToken);
        RequireType(found.Shape);
        var subject = new Subject(found.Shape, null, await WithCompanionsAsync(null, found, cancellationToken), fit => fit with { Model = $"{found.Repository}:{found.Variant}", Repository = found.Repository, Commit = found.Commit, Variant = found.Variant }, () => found.Header);
        await WriteFitsAsync(subject, cancellationToken);
        return subject;
    }

    private async Task WriteFitsAsync(Subject subject, CancellationToken cancellationToken)
    {
        RequireThisMachine();
        await ForEachAsync(await FindMachinesAsync(subject.Local, cancellationToken), async machine =>
        {
            var fit = subject.Complete(FitEstimator.Estimate(subject.Shape, machine, subject.Request));
            foreach (var warning in fit.Warnings)
            {
                PostWarning(warning);
            }
            fit = Exact ? await AskEngineAsync(subject, fit, cancellationToken) : fit;
            await WriteObjectAsync(Quiet ? fit.Fits : Explain ? Explained(fit) : fit);
        });
    }

    private void RequireType(ModelShape shape)
    {
        if (MyInvocation.BoundParameters.ContainsKey(nameof(Type)))
        {
            ModelShapeReader.RequirePlanned(shape, Type);
        }
    }

    /// <summary>The same object, which the shell shows in the view of this name: what -Explain changes is for people.</summary>
    private static PSObject Explained(FitResult fit)
    {
        var shown = new PSObject(fit);
        shown.TypeNames.Insert(0, "ModelOps.FitResult#Explain");
        return shown;
    }
}
