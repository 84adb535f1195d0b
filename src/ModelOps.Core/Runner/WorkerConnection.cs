namespace ModelOps.Runner;

/// <summary>
/// The child that answers calls, any number at once: started at the first, replaced after its end. What ends a child ends every call that it was working on.
/// </summary>
internal sealed class WorkerConnection(IReadOnlyList<string> command) : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);
    private readonly CancellationTokenSource _ending = new();
    private WorkerProcess? _worker;
    private int _lastCall;

    /// <summary>How long a child may take to react to a cancel message before it is killed.</summary>
    public TimeSpan CancelPatience { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Process id of the child, null when there is none.</summary>
    public int? WorkerId => _worker is { IsAlive: true } worker ? worker.Id : null;

    /// <summary>Makes a call and hands on what the child says of it, until the line that ends it.</summary>
    /// <exception cref="ModelOpsException">What the child throws; <see cref="ErrorKind.EngineCrashed"/> when it is gone.</exception>
    public async Task<WorkerEvent> CallAsync(Func<int, WorkerRequest> request, Action<WorkerEvent> hear, string during, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        WorkerProcess worker = await WorkerAsync(cancellationToken).ConfigureAwait(false);
        int id = Interlocked.Increment(ref _lastCall);
        using CancellationTokenSource impatience = new();
        IAsyncEnumerable<WorkerEvent> events = worker.Listen(id, impatience.Token);
        try
        {
            if (await TellAsync(worker, request(id)).ConfigureAwait(false))
            {
                using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => Cancel(worker, id, impatience), null);
                await foreach (WorkerEvent message in events.ConfigureAwait(false))
                {
                    if (message.Ends)
                    {
                        return message switch
                        {
                            { Error: { } error } => throw error.ToException(),
                            { Cancelled: true } => throw new OperationCanceledException(cancellationToken),
                            _ => message,
                        };
                    }
                    Hear(message);
                }
            }
        }
        catch (OperationCanceledException) when (impatience.IsCancellationRequested)
        {
            // It did not react to the cancel message: native code that is busy for long. The child is given up.
            worker.Kill("it did not react when a call was cancelled, and was ended");
            await DropAsync(worker).ConfigureAwait(false);
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            worker.Forget(id);
        }
        ModelOpsException crash = await worker.CrashAsync(during).ConfigureAwait(false);
        await DropAsync(worker).ConfigureAwait(false);
        ObjectDisposedException.ThrowIf(_ending.IsCancellationRequested, typeof(WorkerRunner));
        cancellationToken.ThrowIfCancellationRequested();
        throw crash;

        void Hear(WorkerEvent message)
        {
            try
            {
                hear(message);
            }
            catch
            {
                // Nobody waits for the answer any more: the child is to stop, and the others that it answers are to go on.
                _ = TellAsync(worker, new WorkerRequest(id, WorkerCall.Cancel));
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_ending.IsCancellationRequested)
        {
            return;
        }
        // A child that is being started is given up first.
        await _ending.CancelAsync().ConfigureAwait(false);
        await _starting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_worker is { } worker)
            {
                await DropAsync(worker).ConfigureAwait(false);
            }
        }
        finally
        {
            // Who comes now asks it no more than whether it was cancelled.
            _ending.Dispose();
            _starting.Release();
        }
    }

    private async Task<WorkerProcess> WorkerAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_ending.IsCancellationRequested, typeof(WorkerRunner));
            if (_worker is { IsAlive: false } gone)
            {
                await DropAsync(gone).ConfigureAwait(false);
            }
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
            return _worker ??= await WorkerProcess.StartAsync(command, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(WorkerRunner));
        }
        finally
        {
            _starting.Release();
        }
    }

    private void Cancel(WorkerProcess worker, int id, CancellationTokenSource impatience)
    {
        impatience.CancelAfter(CancelPatience);
        _ = TellAsync(worker, new WorkerRequest(id, WorkerCall.Cancel));
    }

    /// <summary>False when the child is gone: those who listen to it learn that too.</summary>
    private static async Task<bool> TellAsync(WorkerProcess worker, WorkerRequest request)
    {
        try
        {
            await worker.SendAsync(request).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    private async Task DropAsync(WorkerProcess worker)
    {
        if (Interlocked.CompareExchange(ref _worker, null, worker) == worker)
        {
            await worker.DisposeAsync().ConfigureAwait(false);
        }
    }
}
