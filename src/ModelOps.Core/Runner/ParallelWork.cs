using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace ModelOps;

/// <summary>What became of one item of a stream.</summary>
/// <param name="Item">The item.</param>
/// <param name="Result">What was made of it; null when that failed.</param>
/// <param name="Error">Why there is no result; null when there is one.</param>
public sealed record WorkOutcome<TItem, TResult>(TItem Item, TResult? Result, Exception? Error);

/// <summary>Works on a stream of items, several at once: many prompts for one model, say.</summary>
public static class ParallelWork
{
    // Outcomes that may wait for the one before them, or for a slow reader, until no further item is begun.
    private const int LeastWaiting = 64;

    /// <summary>
    /// The outcome of every item. An item that fails (<see cref="ModelOpsException"/>, or a file that cannot be read or written) is an outcome and ends nothing;
    /// any other exception ends the stream. Whoever leaves early cancels what is under way, and goes on when it has ended.
    /// </summary>
    /// <param name="items">What to work on; read no further than there are places.</param>
    /// <param name="work">What to do with one item; called by as many at once as there are places.</param>
    /// <param name="places">Items under way at once, 1 or more.</param>
    /// <param name="ordered">Outcomes in the order of the items; false gives each as it is done.</param>
    /// <param name="cancellationToken">Stops all of it.</param>
    public static IAsyncEnumerable<WorkOutcome<TItem, TResult>> RunAsync<TItem, TResult>(
        IAsyncEnumerable<TItem> items, Func<TItem, CancellationToken, Task<TResult>> work, int places, bool ordered, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(work);
        ArgumentOutOfRangeException.ThrowIfLessThan(places, 1);
        return RunCoreAsync(items, work, places, ordered, cancellationToken);
    }

    private static async IAsyncEnumerable<WorkOutcome<TItem, TResult>> RunCoreAsync<TItem, TResult>(
        IAsyncEnumerable<TItem> items, Func<TItem, CancellationToken, Task<TResult>> work, int places, bool ordered, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using SemaphoreSlim free = new(places);
        Channel<Task<WorkOutcome<TItem, TResult>>> outcomes = Channel.CreateBounded<Task<WorkOutcome<TItem, TResult>>>(Math.Max(LeastWaiting, places));
        Task feeding = FeedAsync();
        try
        {
            await foreach (Task<WorkOutcome<TItem, TResult>> outcome in outcomes.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
            {
                yield return await outcome.ConfigureAwait(false);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // What it says was said to the reader above; here it only has to be over.
            await feeding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task FeedAsync()
        {
            List<Task> running = [];
            Exception? failure = null;
            try
            {
                await foreach (TItem item in items.WithCancellation(stop.Token).ConfigureAwait(false))
                {
                    await free.WaitAsync(stop.Token).ConfigureAwait(false);
                    running.RemoveAll(task => task.IsCompleted);
                    Task<WorkOutcome<TItem, TResult>> one = WorkAsync(item);
                    running.Add(ordered ? one : HandOnAsync(one));
                    if (ordered)
                    {
                        await outcomes.Writer.WriteAsync(one, stop.Token).ConfigureAwait(false);
                    }
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            outcomes.Writer.Complete(failure);
        }

        async Task HandOnAsync(Task<WorkOutcome<TItem, TResult>> one)
        {
            try
            {
                await ((Task)one).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await outcomes.Writer.WriteAsync(one, stop.Token).ConfigureAwait(false);
            }
            finally
            {
                // Not before there is room for the outcome: else a slow reader would let them pile up.
                free.Release();
            }
        }

        async Task<WorkOutcome<TItem, TResult>> WorkAsync(TItem item)
        {
            try
            {
                return new WorkOutcome<TItem, TResult>(item, await work(item, stop.Token).ConfigureAwait(false), null);
            }
            catch (Exception exception) when (exception is ModelOpsException or IOException or UnauthorizedAccessException)
            {
                return new WorkOutcome<TItem, TResult>(item, default, exception);
            }
            finally
            {
                if (ordered)
                {
                    free.Release();
                }
            }
        }
    }
}
