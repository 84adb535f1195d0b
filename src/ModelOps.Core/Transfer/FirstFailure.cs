using System.Runtime.ExceptionServices;

namespace ModelOps.Transfer;

/// <summary>Work that is done side by side: the first failure stops the rest and is the one that is told; what the others then say is only that they were stopped.</summary>
internal sealed class FirstFailure(CancellationToken cancellationToken) : IDisposable
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    private Exception? _first;

    /// <summary>Stops when one failed, or the caller wants it.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Runs all; throws when all have ended.</summary>
    public async Task RunAsync(IEnumerable<Func<Task>> works)
    {
        await Task.WhenAll([.. works.Select(WatchAsync)]).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (_first is not null)
            ExceptionDispatchInfo.Throw(_first);
    }

    public void Dispose() => _stop.Dispose();

    private async Task WatchAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (Interlocked.CompareExchange(ref _first, e, null) is null)
                await _stop.CancelAsync().ConfigureAwait(false);
        }
    }
}
