using System.Management.Automation;
using ModelOps.PowerShell.Completion;

namespace ModelOps.PowerShell.Commands;

/// <summary>Measure-ModelSensitivity: what rounding each tensor of a model costs.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ModelSensitivity", DefaultParameterSetName = ModelPathCmdlet.ByPath, SupportsShouldProcess = true)]
[OutputType(typeof(SensitivityTable))]
public sealed class MeasureModelSensitivityCommand : MeasuringCmdlet
{
    /// <summary>GGUF files or checkpoint folders, with wildcards; or installed models, org/repo[:variant].</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ModelPathCmdlet.ByPath)]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>File with the text, like what the model is used for.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("TextPath")]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = "";

    /// <summary>Tokens in one row of the text.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int ContextLength { get; set; } = 512;

    /// <summary>GGUF files or checkpoint folders; no character is a wildcard. Files and records of the other cmdlets bind here.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ModelPathCmdlet.ByLiteralPath)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>File to write, for -Sensitivity of Convert-Model.</summary>
    [Parameter(Position = 2)]
    [Alias("Output", "Destination", "OutFile")]
    [ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Replace the file of -OutputPath if it is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Most tokens of the text to score for each tensor.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int MaxTokens { get; set; } = 8192;

    /// <summary>The importance matrix that the conversion will have.</summary>
    [Parameter]
    [Alias("Imatrix")]
    [ValidateNotNullOrEmpty]
    public string? ImportanceMatrix { get; set; }

    /// <summary>Folder for the model in BF16 while measuring; the system's temporary one when left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? WorkFolder { get; set; }

    private readonly HashSet<string> _outputs = new(StringComparer.Ordinal);

    // A repository may be installed in several variants; what is to be converted is its checkpoint, when there is one.
    private protected override Task ProcessAsync(CancellationToken cancellationToken)
        => ForEachModelAsync(Path, LiteralPath, model => this.OpenStore(Store).ResolveSource(model).Path, path => MeasureAsync(path, cancellationToken));

    private async Task MeasureAsync(string path, CancellationToken cancellationToken)
    {
        var (output, matrix, folder) = await OnPipelineAsync(() => (Optional(OutputPath), Optional(ImportanceMatrix), Optional(WorkFolder)));
        var (name, text) = await ReadTextAsync(Text, cancellationToken);
        if (output is not null)
        {
            // -Force is meant for what was there before, not for the table of the model before this one.
            if (!_outputs.Add(output))
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is the table of another of these models already.", "Measure them one by one, each to a file of its own.");
            }
            SensitivityTable.RequirePlace(output, Force);
        }
        var request = new SensitivityRequest
        {
            Source = path,
            Text = text,
            TextName = name,
            ContextLength = ContextLength,
            MostTokens = MaxTokens,
            ImportanceMatrix = matrix,
            WorkFolder = folder,
            GpuLayers = WantedGpuLayers,
            Threads = Threads,
        };
        if (!await ShouldProcessAsync(PlanText.Describe(request, output), $"Measure the sensitivity of {path}?"))
        {
            return;
        }
        SensitivityTable table;
        using (var progress = StartProgress<SensitivityProgress>($"Measuring the sensitivity of {System.IO.Path.GetFileName(path)}", PlanText.Step))
        {
            table = await SessionRunner.UseAsync(runner => runner.MeasureSensitivityAsync(request, progress, cancellationToken), cancellationToken);
        }
        if (output is not null)
        {
            table.Write(output, Force);
        }
        await WriteObjectAsync(table);
    }

    private string? Optional(string? path) => path is null ? null : this.ToFileSystemPath(path);
}
