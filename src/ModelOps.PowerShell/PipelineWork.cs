using System.Threading.Channels;

namespace ModelOps.PowerShell;

/// <summary>
/// Work on a pipeline's items, several at once: a cmdlet adds each as it comes, and writes what is done whenever it has the pipeline's thread.
/// </summary>
internal sealed class PipelineWork<TItem, TResult> : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Channel<TItem> _items = Channel.CreateBounded<TItem>(1);
    private readonly IAsyncEnumerator<WorkOutcome<TItem, TResult>> _outcomes;
    private Task<bool>? _next;

    /// <summary>Work as <see cref="ParallelWork"/> does it; <paramref name="stopping"/> stops it, and so does disposing.</summary>
    public PipelineWork(Func<TItem, CancellationToken, Task<TResult>> work, int places, bool ordered, CancellationToken stopping)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        _outcomes = ParallelWork.RunAsync(_items.Reader.ReadAllAsync(CancellationToken.None), work, places, ordered, _stop.Token).GetAsyncEnumerator(CancellationToken.None);
    }

    /// <summary>Adds an item, as soon as there is room; writes what is done meanwhile.</summary>
    public async Task AddAsync(TItem item, Func<WorkOutcome<TItem, TResult>, Task> write)
    {
        while (!_items.Writer.TryWrite(item))
        {
            var room = _items.Writer.WaitToWriteAsync(_stop.Token).AsTask();
            if (await Task.WhenAny(room, Next()) == room)
            {
                await room;
            }
            await WriteDoneAsync(write);
        }
        _ = Next(); // begins the work
        await WriteDoneAsync(write);
    }

    /// <summary>No more items: writes the rest as it is done.</summary>
    public async Task CompleteAsync(Func<WorkOutcome<TItem, TResult>, Task> write)
    {
        _items.Writer.Complete();
        while (await Next())
        {
            await WriteCurrentAsync(write);
        }
    }

    /// <summary>Cancels what is under way, and waits for its end.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _items.Writer.TryComplete();
        EndAsync().GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task EndAsync()
    {
        if (_next is { } next)
        {
            // What it says was said by what was thrown before, or nobody is left to hear it.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await _outcomes.DisposeAsync().ConfigureAwait(false);
    }

    private Task<bool> Next() => _next ??= _outcomes.MoveNextAsync().AsTask();

    private async Task WriteDoneAsync(Func<WorkOutcome<TItem, TResult>, Task> write)
    {
        while (_next is { IsCompleted: true } next && await next)
        {
            await WriteCurrentAsync(write);
            _ = Next();
        }
    }

    private Task WriteCurrentAsync(Func<WorkOutcome<TItem, TResult>, Task> write)
    {
        _next = null;
        return write(_outcomes.Current);
    }
}
