namespace ModelOps.PowerShell;

/// <summary>
/// The one worker process of this PowerShell process. It keeps the model of the last call loaded, so that the next prompt does not wait for a load, and
/// it takes native aborts upon itself. Static because it is meant to outlive every cmdlet; it ends when the module is removed or the process exits.
/// </summary>
internal static class SessionRunner
{
    // A worker does one thing at a time; runspaces of ForEach-Object -Parallel take turns.
    private static readonly SemaphoreSlim Turn = new(1, 1);
    private static WorkerRunner? _runner;

    /// <summary>
    /// Uses the worker alone. <paramref name="use"/> must not wait for the pipeline thread: a cmdlet further down may be waiting there for its turn.
    /// </summary>
    public static async Task<T> UseAsync<T>(Func<IModelRunner, Task<T>> use, CancellationToken cancellationToken)
    {
        await Turn.WaitAsync(cancellationToken);
        try
        {
            _runner ??= new WorkerRunner(WorkerCommand.Create());
            return await use(_runner);
        }
        finally
        {
            Turn.Release();
        }
    }

    /// <summary>A machine with its GPUs as the engine shows them: drivers are loaded in the worker only.</summary>
    public static Task<Machine> WithEngineAsync(Machine machine, CancellationToken cancellationToken)
        => LocalMachine.WithEngineAsync(machine, () => UseAsync(runner => runner.ReadDevicesAsync(cancellationToken), cancellationToken));

    /// <summary>Ends the worker, once it has done what it is doing; the next use starts another.</summary>
    public static async Task CloseAsync()
    {
        await Turn.WaitAsync();
        try
        {
            if (_runner is { } runner)
            {
                _runner = null;
                await runner.DisposeAsync();
            }
        }
        finally
        {
            Turn.Release();
        }
    }
}
