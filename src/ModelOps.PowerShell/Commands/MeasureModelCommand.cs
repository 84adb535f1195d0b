using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Measure-Model: perplexity of a text, and how far the answers are from a reference's.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Model")]
[OutputType(typeof(QualityResult))]
public sealed class MeasureModelCommand : ModelOpsCmdlet
{
    /// <summary>GGUF files or installed models.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Model { get; set; } = [];

    /// <summary>File with the text.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("TextPath")]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = "";

    /// <summary>GGUF file or installed model to compare with.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Tokens in one row of the text.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int ContextLength { get; set; } = 512;

    /// <summary>Layers on GPUs; -1 all, 0 none.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int GpuLayers { get; set; } = -1;

    /// <summary>Threads; 0 means one a physical core.</summary>
    [Parameter]
    [ValidateRange(0, 512)]
    public int Threads { get; set; }

    /// <summary>Folder of the store that installed models are looked for in; the hub cache when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Store { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Model, async model =>
    {
        var (path, text, reference) = await OnPipelineAsync(() =>
        {
            var store = this.OpenStore(Store);
            return (store.ResolveGguf(this.PathOrName(model)), this.ToFileSystemPath(Text), Reference is null ? null : store.ResolveGguf(this.PathOrName(Reference)));
        });
        if (!File.Exists(text))
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no text file '{text}'.", "-Text takes a file, such as the README of the model or a sample of your documents.");
        }
        var request = new MeasureRequest
        {
            ModelPath = path,
            Text = await File.ReadAllTextAsync(text, cancellationToken),
            ReferencePath = reference,
            ContextLength = ContextLength,
            GpuLayers = GpuLayers,
            Threads = Threads,
        };
        QualityResult result;
        using (var progress = StartProgress<MeasureProgress>($"Measuring {System.IO.Path.GetFileName(path)}", PlanText.Step))
        {
            result = await SessionRunner.UseAsync(runner => runner.MeasureAsync(request, progress, cancellationToken), cancellationToken);
        }
        await WriteObjectAsync(result with { Model = path, Reference = reference });
    });
}
