namespace ModelOps.Transfer;

/// <summary>
/// How many requests run at once, over all files of a download. It begins with a few, doubles them while that brings more bytes, and goes back
/// when it does not; later it tries a few more now and then. A server that refuses or drops connections halves them.
/// </summary>
internal sealed class ConnectionGate
{
    private const int First = 4;
    /// <summary>More connections must bring this much more, else they only cost the server; so much more in a moment needs no second look.</summary>
    private const double WorthwhileGrowth = 1.05, EvidentGrowth = 1.25;
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(200);
    /// <summary>A new connection needs this long to show what it brings: the handshake, and the slow start of TCP.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstRest = TimeSpan.FromSeconds(2), LongestRest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RestAfterRefusal = TimeSpan.FromSeconds(10);

    private readonly int _most;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private int _active;
    private long _bytes;
    private long _windowStart;
    private long _bytesSinceChange;
    private double _rateBefore;
    private int _limitBefore;
    private long _changedAt;
    private TimeSpan _rest;
    private TimeSpan _failedRest = FirstRest;
    private bool _isDoubling = true;
    private long? _refusedAt;

    /// <param name="most">The most.</param>
    /// <param name="time">Clock.</param>
    public ConnectionGate(int most, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        _most = most;
        _time = time;
        Limit = _limitBefore = Math.Min(First, most);
        _windowStart = _changedAt = time.GetTimestamp();
    }

    /// <summary>Requests at once, now.</summary>
    public int Limit { get; private set; }

    /// <summary>Waits until a request may start; <see cref="Leave"/> ends it.</summary>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (_active < Limit)
            {
                _active++;
                return;
            }
            _waiting.Enqueue(turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        // Whoever is stopped while waiting leaves an empty place in the queue, which Admit passes over.
        CancellationTokenRegistration stopped = cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetCanceled(), turn);
        await using (stopped.ConfigureAwait(false))
            await turn.Task.ConfigureAwait(false);
    }

    public void Leave()
    {
        lock (_lock)
        {
            _active--;
            Admit();
        }
    }

    /// <summary>Bytes came over the network.</summary>
    public void Received(int bytes)
    {
        lock (_lock)
        {
            _bytes += bytes;
            TimeSpan elapsed = _time.GetElapsedTime(_windowStart);
            if (elapsed < Window)
                return;
            double rate = _bytes / elapsed.TotalSeconds;
            _bytesSinceChange += _bytes;
            _bytes = 0;
            _windowStart = _time.GetTimestamp();
            // With free places the server is not what limits it, and a window says nothing.
            if (_active >= Limit)
                Adapt(rate, _time.GetElapsedTime(_changedAt));
        }
    }

    /// <summary>The server refused a request or dropped a connection.</summary>
    public void Refused()
    {
        lock (_lock)
        {
            // What hits all connections at once is one event.
            if (_refusedAt is { } last && _time.GetElapsedTime(last) < Patience)
                return;
            _refusedAt = _time.GetTimestamp();
            _isDoubling = false;
            Change(Math.Max(Limit / 2, 1));
            Settle(RestAfterRefusal);
        }
    }

    private void Adapt(double rate, TimeSpan sinceChange)
    {
        if (_limitBefore == Limit)
        {
            // At rest, or at the very beginning.
            if (Limit < _most && sinceChange >= _rest)
                Grow(rate);
        }
        else if (rate >= _rateBefore * EvidentGrowth || (sinceChange >= Patience && _bytesSinceChange / sinceChange.TotalSeconds >= _rateBefore * WorthwhileGrowth))
        {
            Settle(TimeSpan.Zero);
            if (Limit < _most)
                Grow(rate);
        }
        else if (sinceChange >= Patience)
        {
            Change(_limitBefore);
            // Each trial that brings nothing makes the next one rarer.
            Settle(_failedRest);
            _failedRest = 2 * _failedRest < LongestRest ? 2 * _failedRest : LongestRest;
            _isDoubling = false;
        }
    }

    private void Grow(double rate)
    {
        _rateBefore = rate;
        Change(Math.Min(Limit + (_isDoubling ? Limit : Math.Max(Limit / 4, 1)), _most));
    }

    private void Change(int limit)
    {
        _limitBefore = Limit;
        Limit = limit;
        _changedAt = _windowStart = _time.GetTimestamp();
        _bytes = _bytesSinceChange = 0;
        Admit();
    }

    private void Settle(TimeSpan rest)
    {
        _limitBefore = Limit;
        _rest = rest;
    }

    private void Admit()
    {
        while (_active < Limit && _waiting.TryDequeue(out TaskCompletionSource? next))
        {
            if (next.TrySetResult())
                _active++;
        }
    }
}
