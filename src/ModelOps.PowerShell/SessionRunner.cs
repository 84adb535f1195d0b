namespace ModelOps.PowerShell;

/// <summary>
/// The one worker process of this PowerShell process. It keeps the model of the last call loaded, so that the next prompt does not wait for a load, and
/// it takes native aborts upon itself. Static because it is meant to outlive every cmdlet; it ends after an idle time, and when the module is removed or the
/// process exits, however that exits.
/// </summary>
internal static class SessionRunner
{
    // Made at the first use: whether there is a pwsh to run the engine in is an error of the call that needs it.
    private static readonly Lazy<SharedRunner> Shared = new(() => new SharedRunner(WorkerCommand.Create()), LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The worker; null when there is none.</summary>
    public static ModelSession? Session => Shared.IsValueCreated ? Shared.Value.Session : null;

    /// <summary>How long the worker is kept after the last call.</summary>
    public static TimeSpan KeepAlive
    {
        set => Shared.Value.KeepAlive = value;
    }

    /// <summary>
    /// Uses a model beside others who want the very same; runspaces of ForEach-Object -Parallel that want different ones take turns. <paramref name="use"/>
    /// must not wait for the pipeline thread: a cmdlet further down may be waiting there for its turn.
    /// </summary>
    public static Task<T> UseAsync<T>(EngineOptions model, FitRequest wish, Func<IModelRunner, EnginePlan, Task<T>> use, IProgress<float>? loading, CancellationToken cancellationToken)
        => Shared.Value.UseAsync(model, wish, use, loading, cancellationToken);

    /// <summary>Uses the worker alone, under the same condition.</summary>
    public static Task<T> UseAsync<T>(Func<IModelRunner, Task<T>> use, CancellationToken cancellationToken) => Shared.Value.UseAloneAsync(use, cancellationToken);

    /// <summary>A machine with its GPUs as the engine shows them: drivers are loaded in the worker only.</summary>
    public static Task<Machine> WithEngineAsync(Machine machine, CancellationToken cancellationToken)
        => LocalMachine.WithEngineAsync(machine, () => UseAsync(runner => runner.ReadDevicesAsync(cancellationToken), cancellationToken));

    /// <summary>Ends the worker, once it has done what it is doing; the next use starts another.</summary>
    public static Task CloseAsync(CancellationToken cancellationToken = default) => Shared.IsValueCreated ? Shared.Value.CloseAsync(cancellationToken) : Task.CompletedTask;
}
