using ModelOps.Hub;

namespace ModelOps.Transfer;

/// <summary>Chunks next to each other that one request brings. Its ends move under the queue's lock; the rest belongs to the one who fetches it.</summary>
internal sealed class ChunkRun(int next, int end, long startedAt, TimeProvider time)
{
    /// <summary>Fewer new bytes than this do not count as progress between two failures: trickled bytes must not buy attempts for ever.</summary>
    private const int ProgressBytes = 64 << 10;

    private readonly RetryBudget _budget = new(time);
    private readonly CancellationTokenSource _givenUp = new();
    private long _received;
    private int _sinceFailure;

    /// <summary>The chunk that is being fetched.</summary>
    public int Next { get; set; } = next;

    /// <summary>The first chunk that is no longer part of it.</summary>
    public int End { get; set; } = end;

    /// <summary>Whether somebody waits for these bytes.</summary>
    public bool IsAsked { get; init; }

    /// <summary>Whether it is all that is missing, with holes, in one stream: for servers that do not know ranges.</summary>
    public bool IsStream { get; init; }

    /// <summary>Whether it fetches what another connection was too slow for; that happens to a chunk once only.</summary>
    public bool IsSecond { get; init; }

    /// <summary>Whether its chunk is being written: too late to give it up.</summary>
    public bool IsWriting { get; set; }

    /// <summary>Cancelled when another connection fetches the rest in its place.</summary>
    public CancellationToken GivenUp => _givenUp.Token;

    /// <summary>Speed so far.</summary>
    public double BytesPerSecond => Volatile.Read(ref _received) / Math.Max(time.GetElapsedTime(startedAt).TotalSeconds, 0.01);

    /// <summary>Bytes of the chunk <see cref="Next"/> that are in memory.</summary>
    public int Filled { get; set; }

    /// <summary>Stops it; whoever fetches it is told in a moment, not within the queue's lock.</summary>
    public void GiveUp() => _ = _givenUp.CancelAsync();

    /// <summary>Bytes that came.</summary>
    public void Received(int bytes)
    {
        Volatile.Write(ref _received, _received + bytes);
        _sinceFailure += bytes;
        if (_sinceFailure >= ProgressBytes)
            _budget.Reset();
    }

    /// <summary>Waits until the next attempt is due, after telling so.</summary>
    /// <exception cref="ModelOpsException">The failure's own error, when trying again makes no sense (any more).</exception>
    public Task RetryAsync(HubFailure failure, Action<HubNotice>? notify, CancellationToken cancellationToken)
    {
        _sinceFailure = 0;
        return _budget.WaitAsync(failure, notify, cancellationToken);
    }

    /// <summary>How long so many bytes take at the speed it had so far; nothing is known in its first second.</summary>
    public TimeSpan TimeFor(long bytes)
    {
        TimeSpan elapsed = time.GetElapsedTime(startedAt);
        return elapsed < TimeSpan.FromSeconds(1) ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(elapsed.TotalSeconds * bytes / Math.Max(Volatile.Read(ref _received), 1), 1e9));
    }
}
