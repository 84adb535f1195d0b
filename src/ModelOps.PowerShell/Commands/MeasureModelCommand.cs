using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Measure-Model: perplexity of a text, and how far the answers are from a reference's.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Model")]
[OutputType(typeof(QualityResult))]
public sealed class MeasureModelCommand : MeasuringCmdlet
{
    /// <summary>GGUF files or installed models.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Model { get; set; } = [];

    /// <summary>GGUF file or installed model to compare with.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Model, async model =>
    {
        var (path, reference) = await OnPipelineAsync(() =>
        {
            var store = this.OpenStore(Store);
            return (store.ResolveGguf(this.PathOrName(model)), Reference is null ? null : store.ResolveGguf(this.PathOrName(Reference)));
        });
        var request = new MeasureRequest
        {
            ModelPath = path,
            Text = (await ReadTextAsync(cancellationToken)).Text,
            ReferencePath = reference,
            ContextLength = ContextLength,
            GpuLayers = WantedGpuLayers,
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
