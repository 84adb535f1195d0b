using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

public sealed partial class MeasureModelCommand
{
    /// <summary>Measure how fast the model reads a prompt and generates, instead of its quality.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfSpeed)]
    [Parameter(ParameterSetName = OfMachine)]
    public SwitchParameter Speed { get; set; }

    /// <summary>Tokens of the prompt; 0 leaves it out.</summary>
    [Parameter(ParameterSetName = OfSpeed)]
    [ValidateRange(0, SpeedRequest.MostTokens)]
    public int PromptTokens { get; set; } = 512;

    /// <summary>Tokens to generate; 0 leaves it out.</summary>
    [Parameter(ParameterSetName = OfSpeed)]
    [ValidateRange(0, SpeedRequest.MostTokens)]
    public int GeneratedTokens { get; set; } = 128;

    /// <summary>Tokens in the context before the clock starts.</summary>
    [Parameter(ParameterSetName = OfSpeed)]
    [ValidateRange(0, SpeedRequest.MostTokens)]
    public int Depth { get; set; }

    /// <summary>How often each is measured, after a warm-up.</summary>
    [Parameter(ParameterSetName = OfSpeed)]
    [ValidateRange(1, SpeedRequest.MostRepetitions)]
    public int Repetitions { get; set; } = 5;

    /// <summary>Time models of random weights instead, once, so that Test-ModelFit tells this machine's own speed.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfMachine)]
    public SwitchParameter Calibrate { get; set; }

    /// <summary>Folder for those models, 400 MB at a time; the system's temporary one when left out.</summary>
    [Parameter(ParameterSetName = OfMachine)]
    [ValidateNotNullOrEmpty]
    public string? WorkFolder { get; set; }

    private async Task MeasureSpeedAsync(string model, CancellationToken cancellationToken)
    {
        var path = await OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(model)));
        var request = new SpeedRequest
        {
            ModelPath = path,
            PromptTokens = PromptTokens,
            GeneratedTokens = GeneratedTokens,
            Depth = Depth,
            Repetitions = Repetitions,
            Parameters = new EngineParameters { GpuLayers = WantedGpuLayers },
            Threads = Threads,
        };
        SpeedResult result;
        using (var progress = StartProgress<SpeedProgress>($"Measuring {System.IO.Path.GetFileName(path)}", PlanText.Step))
        {
            result = await SessionRunner.UseAsync(runner => runner.MeasureSpeedAsync(request, progress, cancellationToken), cancellationToken);
        }
        await WriteObjectAsync(result with { Model = path });
    }

    private async Task CalibrateAsync(CancellationToken cancellationToken)
    {
        var folder = WorkFolder is null ? null : await OnPipelineAsync(() => this.ToFileSystemPath(WorkFolder));
        var machine = LocalMachine.Read(null, new LocalMachineSettings { Note = PostWarning });
        var request = new CalibrationRequest { Machine = await SessionRunner.WithEngineAsync(machine, cancellationToken), WorkFolder = folder, Threads = Threads };
        SpeedCalibration calibration;
        using (var progress = StartProgress<SpeedProgress>("Calibrating this machine", PlanText.Step))
        {
            calibration = await SessionRunner.UseAsync(runner => runner.CalibrateAsync(request, progress, cancellationToken), cancellationToken);
        }
        if (LocalMachine.Keep(machine, calibration) is { } path)
        {
            PostVerbose($"Kept at {path}");
        }
        else
        {
            PostWarning("The calibration could not be kept: this user has no home folder.");
        }
        await WriteObjectAsync(calibration);
    }
}
