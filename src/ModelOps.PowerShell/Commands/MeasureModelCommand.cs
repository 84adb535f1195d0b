using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Measure-Model: perplexity of a text and how far the answers are from a reference's; or the speed of a model; or of the machine, for fits.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "Model", DefaultParameterSetName = OnText)]
[OutputType(typeof(QualityResult), ParameterSetName = [OnText])]
[OutputType(typeof(SpeedResult), ParameterSetName = [OfSpeed])]
[OutputType(typeof(SpeedCalibration), ParameterSetName = [OfMachine])]
public sealed partial class MeasureModelCommand : MeasuringCmdlet
{
    private const string OnText = "Text";
    private const string OfSpeed = "Speed";
    private const string OfMachine = "Calibration";

    /// <summary>GGUF files or installed models.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = OnText)]
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = OfSpeed)]
    [Alias("Path", "FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Model { get; set; } = [];

    /// <summary>File with the text, like what the model is used for.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = OnText)]
    [Alias("TextPath")]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = "";

    /// <summary>Tokens in one row of the text.</summary>
    [Parameter(ParameterSetName = OnText)]
    [ValidateRange(2, int.MaxValue)]
    public int ContextLength { get; set; } = 512;

    /// <summary>GGUF file or installed model to compare with.</summary>
    [Parameter(ParameterSetName = OnText)]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ParameterSetName switch
    {
        OfMachine => CalibrateAsync(cancellationToken),
        OfSpeed => ForEachAsync(Model, model => MeasureSpeedAsync(model, cancellationToken)),
        _ => ForEachAsync(Model, model => MeasureQualityAsync(model, cancellationToken)),
    };

    private async Task MeasureQualityAsync(string model, CancellationToken cancellationToken)
    {
        var (path, reference) = await OnPipelineAsync(() =>
        {
            var store = this.OpenStore(Store);
            return (store.ResolveGguf(this.PathOrName(model)), Reference is null ? null : store.ResolveGguf(this.PathOrName(Reference)));
        });
        var request = new MeasureRequest
        {
            ModelPath = path,
            Text = (await ReadTextAsync(Text, cancellationToken)).Text,
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
    }
}
