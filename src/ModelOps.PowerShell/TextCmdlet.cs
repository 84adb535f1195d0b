using System.Management.Automation;
using ModelOps.PowerShell.Completion;
using FilePath = System.IO.Path;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that have a model read texts: which model, and how long it is kept.</summary>
public abstract class TextCmdlet : EngineCmdlet
{
    /// <summary>GGUF file or installed model.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string Model { get; set; } = "";

    /// <summary>How long the worker keeps the model when nothing is asked.</summary>
    [Parameter]
    [KeepAliveTransformation]
    public TimeSpan KeepAlive { get; set; } = SharedRunner.DefaultKeepAlive;

    /// <inheritdoc/>
    private protected override bool IsItemError(Exception error) => base.IsItemError(error) && error is not ModelOpsException { Kind: ErrorKind.EngineCrashed };

    private protected override Task BeginAsync(CancellationToken cancellationToken)
    {
        SessionRunner.KeepAlive = KeepAlive;
        return Task.CompletedTask;
    }

    /// <summary>The model's file.</summary>
    private protected Task<string> ResolveAsync() => OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(Model)));

    /// <summary>Uses the model in the session's worker; must not wait for the pipeline's thread.</summary>
    private protected async Task<T> UseAsync<T>(string path, Func<IInference, Task<T>> use, CancellationToken cancellationToken)
    {
        using var loading = StartProgress<float>($"Loading {FilePath.GetFileName(path)}", fraction => new ProgressStep("", fraction));
        return await SessionRunner.UseAsync(
            new EngineOptions { ModelPath = path, Threads = Threads },
            new FitRequest { GpuLayers = GpuLayers },
            (runner, plan) =>
            {
                if (plan.Warning is not null)
                {
                    PostWarning(plan.Warning);
                }
                return use(runner);
            },
            loading,
            cancellationToken);
    }
}
