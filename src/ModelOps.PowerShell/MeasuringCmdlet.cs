using System.Management.Automation;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that measure models on a text.</summary>
public abstract class MeasuringCmdlet : EngineCmdlet
{
    /// <summary>The set of parameters that a text belongs to.</summary>
    private protected const string OnText = "Text";

    /// <summary>File with the text, like what the model is used for.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = OnText)]
    [Alias("TextPath")]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = "";

    /// <summary>Tokens in one row of the text.</summary>
    [Parameter(ParameterSetName = OnText)]
    [ValidateRange(2, int.MaxValue)]
    public int ContextLength { get; set; } = 512;

    /// <summary>Layers on GPUs: all unless it was said otherwise, as what is measured is to be done soon.</summary>
    private protected int WantedGpuLayers => GpuLayers ?? -1;

    /// <summary>The text's name and what it says.</summary>
    private protected async Task<(string Name, string Text)> ReadTextAsync(CancellationToken cancellationToken)
    {
        var path = await OnPipelineAsync(() => this.ToFileSystemPath(Text));
        return File.Exists(path)
            ? (System.IO.Path.GetFileName(path), await File.ReadAllTextAsync(path, cancellationToken))
            : throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no text file '{path}'.", "-Text takes a file, such as the README of the model or a sample of your documents.");
    }
}
