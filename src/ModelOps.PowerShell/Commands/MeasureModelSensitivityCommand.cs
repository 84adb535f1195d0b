using System.Management.Automation;

namespace ModelOps.PowerShell.Commands;

/// <summary>Measure-ModelSensitivity: what rounding each tensor of a model costs.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ModelSensitivity", DefaultParameterSetName = ByPath)]
[OutputType(typeof(SensitivityTable))]
public sealed class MeasureModelSensitivityCommand : ModelPathCmdlet
{
    /// <summary>File with the text, like what the model is used for.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("TextPath")]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = "";

    /// <summary>File to write, for -Sensitivity of Convert-Model.</summary>
    [Parameter(Position = 2)]
    [Alias("Output", "Destination", "OutFile")]
    [ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Tokens in one row of the text.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int ContextLength { get; set; } = 512;

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

    /// <summary>Layers on GPUs; -1 all, 0 none.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int GpuLayers { get; set; } = -1;

    /// <summary>Threads; 0 means one a physical core.</summary>
    [Parameter]
    [ValidateRange(0, 512)]
    public int Threads { get; set; }

    private protected override async Task ProcessModelAsync(string path, CancellationToken cancellationToken)
    {
        var (text, output, matrix, folder) = await OnPipelineAsync(() => (this.ToFileSystemPath(Text), Optional(OutputPath), Optional(ImportanceMatrix), Optional(WorkFolder)));
        if (!File.Exists(text))
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no text file '{text}'.", "-Text takes a file, such as a sample of your documents.");
        }
        if (output is not null)
        {
            SensitivityTable.RequirePlace(output);
        }
        var request = new SensitivityRequest
        {
            Source = path,
            Text = await File.ReadAllTextAsync(text, cancellationToken),
            TextName = System.IO.Path.GetFileName(text),
            ContextLength = ContextLength,
            MostTokens = MaxTokens,
            ImportanceMatrix = matrix,
            WorkFolder = folder,
            GpuLayers = GpuLayers,
            Threads = Threads,
        };
        SensitivityTable table;
        using (var progress = StartProgress<SensitivityProgress>($"Measuring the sensitivity of {System.IO.Path.GetFileName(path)}", PlanText.Step))
        {
            table = await SessionRunner.UseAsync(runner => runner.MeasureSensitivityAsync(request, progress, cancellationToken), cancellationToken);
        }
        if (output is not null)
        {
            table.Write(output);
        }
        await WriteObjectAsync(table);
    }

    // A repository may be installed in several variants; what is to be converted is its checkpoint, when there is one.
    private protected override string Resolve(ModelStore store, string model) => store.ResolveSource(model).Path;

    private string? Optional(string? path) => path is null ? null : this.ToFileSystemPath(path);
}
