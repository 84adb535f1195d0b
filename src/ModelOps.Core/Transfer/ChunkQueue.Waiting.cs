using System.Runtime.ExceptionServices;

namespace ModelOps.Transfer;

/// <summary>Waiting for chunks and for work.</summary>
internal sealed partial class ChunkQueue
{
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>Completes when there is something to take; false when there never will be.</summary>
    public async Task<bool> HasWorkAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (IsClosed)
                    return false;
                if (_missing > 0 || FindAsked() is not null || Straggler() is not null)
                    return true;
                changed = _changed.Task;
            }
            // Not only when something changes: a connection becomes slow without a sign.
            await changed.WaitAsync(LookAgainAfter, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Completes when these chunks are there, and puts them before all others.</summary>
    /// <exception cref="Exception">What ended the download.</exception>
    public Task AskAsync(int start, int end, CancellationToken cancellationToken)
    {
        var asked = new Asked { Start = start, End = end };
        lock (_lock)
        {
            _asked.Add(asked);
            Pulse();
        }
        return WaitAsync(asked, cancellationToken);
    }

    /// <summary>Completes when a chunk is there, in its turn.</summary>
    public async Task WaitAsync(int chunk, CancellationToken cancellationToken) =>
        await WaitAsync(new Asked { Start = chunk, End = chunk + 1 }, cancellationToken).ConfigureAwait(false);

    /// <summary>Every chunk is there and was checked.</summary>
    public void Close()
    {
        lock (_lock)
        {
            IsClosed = true;
            Pulse();
        }
    }

    /// <summary>The download has failed: everyone who waits is told.</summary>
    public void Fail(Exception failure)
    {
        lock (_lock)
        {
            _failure = failure;
            Pulse();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitAsync(Asked asked, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                Task changed;
                lock (_lock)
                {
                    if (_failure is not null)
                        ExceptionDispatchInfo.Throw(_failure);
                    while (asked.Start < asked.End && _states[asked.Start] >= State.Inherited)
                        asked.Start++;
                    if (asked.Start == asked.End)
                        return;
                    changed = _changed.Task;
                }
                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_lock)
                _asked.Remove(asked);
        }
    }

    /// <summary>The first chunk that is waited for and that no request will bring soon; of those asked last first, for they are read now.</summary>
    private (Asked Asked, int Chunk)? FindAsked()
    {
        for (int i = _asked.Count - 1; i >= 0; i--)
        {
            for (int chunk = _asked[i].Start; chunk < _asked[i].End; chunk++)
            {
                if (_states[chunk] == State.Missing || (_states[chunk] == State.Claimed && Owner(chunk) is { IsStream: false, IsAsked: false } owner && chunk - owner.Next > NearChunks))
                    return (_asked[i], chunk);
            }
        }
        return null;
    }

    private void Pulse()
    {
        TaskCompletionSource changed = _changed;
        _changed = NewSignal();
        changed.SetResult();
    }

    /// <summary>Chunks that somebody waits for; the start moves on as they arrive.</summary>
    private sealed class Asked
    {
        public required int Start { get; set; }

        public required int End { get; init; }
    }
}
