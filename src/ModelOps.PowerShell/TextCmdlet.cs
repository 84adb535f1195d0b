using System.Management.Automation;
using ModelOps.PowerShell.Completion;
using FilePath = System.IO.Path;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that have a model read texts: which model, and how long it is kept.</summary>
public abstract class TextCmdlet : InferenceCmdlet
{
    private string? _warned;

    /// <summary>GGUF file or installed model; with -Endpoint the server's name of a model.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string Model { get; set; } = "";

    /// <summary>How long the worker keeps the model when nothing is asked.</summary>
    [Parameter]
    [DurationTransformation(TakesForever = true)]
    public TimeSpan KeepAlive { get; set; } = SharedRunner.DefaultKeepAlive;

    // An engine that died, a server that is out of reach or takes no orders: no matter of one text.
    private protected override bool IsItemError(Exception error) => base.IsItemError(error) && error is not ModelOpsException { Kind: ErrorKind.EngineCrashed or ErrorKind.NetworkFailure or ErrorKind.Unauthorized };

    private protected override IEnumerable<string> LocalOnly => [.. base.LocalOnly, nameof(KeepAlive)];

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        await base.BeginAsync(cancellationToken);
        if (Endpoint is null)
        {
            SessionRunner.KeepAlive = KeepAlive;
        }
    }

    /// <summary>The model's file; the server's name of the model where it runs elsewhere.</summary>
    private protected Task<string> ResolveAsync(CancellationToken cancellationToken)
        => Endpoint is null ? OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(Model))) : NameAsync(Model, cancellationToken);

    /// <summary>Uses the model, as <see cref="ResolveAsync"/> gave it; must not wait for the pipeline's thread.</summary>
    private protected async Task<T> UseAsync<T>(string path, Func<IInference, Task<T>> use, CancellationToken cancellationToken)
    {
        if (Endpoint is not null)
        {
            return await use(Connect(path));
        }
        using var loading = StartProgress<float>($"Loading {FilePath.GetFileName(path)}", fraction => new ProgressStep("", fraction));
        return await SessionRunner.UseAsync(
            new EngineOptions { ModelPath = path, Threads = Threads },
            new FitRequest { GpuLayers = GpuLayers },
            (runner, plan) =>
            {
                if (plan.Warning is { } warning && warning != _warned)
                {
                    // Once for all that the model reads.
                    PostWarning(_warned = warning);
                }
                return use(runner);
            },
            loading,
            cancellationToken);
    }
}
