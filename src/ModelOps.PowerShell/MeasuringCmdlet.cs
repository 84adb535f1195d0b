namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that measure models on a text.</summary>
public abstract class MeasuringCmdlet : EngineCmdlet
{
    /// <summary>Layers on GPUs: all unless it was said otherwise, as what is measured is to be done soon.</summary>
    private protected int WantedGpuLayers => GpuLayers ?? -1;

    /// <summary>A text file's name and what it says.</summary>
    private protected async Task<(string Name, string Text)> ReadTextAsync(string file, CancellationToken cancellationToken)
    {
        var path = await OnPipelineAsync(() => this.ToFileSystemPath(file));
        return File.Exists(path)
            ? (System.IO.Path.GetFileName(path), await File.ReadAllTextAsync(path, cancellationToken))
            : throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no text file '{path}'.", "-Text takes a file, such as the README of the model or a sample of your documents.");
    }
}
