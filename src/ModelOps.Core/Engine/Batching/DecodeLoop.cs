namespace ModelOps.Engine;

/// <summary>
/// Answers many requests at once with one context: as many as it has sequences are decoded together, the others wait in the order of their coming. Decoding
/// has a thread of its own while there is something to do.
/// </summary>
internal sealed class DecodeLoop : IDisposable
{
    private readonly object _gate = new();
    private readonly Session _session;
    private readonly SlotTable _slots;
    private readonly TimeSpan _loadTime;
    private readonly LinkedList<Generation> _waiting = [];
    // The requests of the decode that is under way; slots themselves are the thread's own.
    private Generation[] _decoding = [];
    private long _orders;
    private int _borrowers;
    private bool _running;
    private bool _disposed;

    /// <param name="session">The context; nobody else may use it but through <see cref="Borrow"/>.</param>
    /// <param name="loadTime">What answers say of loading.</param>
    public DecodeLoop(Session session, TimeSpan loadTime)
    {
        _session = session;
        _loadTime = loadTime;
        _slots = new SlotTable(session.Sequences, session.Memory);
    }

    /// <summary>The place of a request that comes now.</summary>
    public long NextOrder() => Interlocked.Increment(ref _orders);

    /// <summary>Answers a request; <paramref name="progress"/> sees its tokens on a thread of the pool, and may take its time without holding up others.</summary>
    public async Task<GenerationResult> AnswerAsync(Generation request, IProgress<GeneratedToken>? progress, CancellationToken cancellationToken)
    {
        Add(request);
        using var registration = cancellationToken.UnsafeRegister(_ => Cancel(request), null);
        try
        {
            if (request.Stream is { } stream)
            {
                await foreach (var token in stream.ConfigureAwait(false))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    progress?.Report(token);
                }
            }
        }
        catch
        {
            Cancel(request);
            await ((Task)request.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        await ((Task)request.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return request.Answer.IsCanceled ? throw new OperationCanceledException(cancellationToken) : await request.Answer.ConfigureAwait(false);
    }

    /// <summary>
    /// Lends the context until the loan is disposed of: waits for the answers that are being written; those that come meanwhile wait for it. Nothing is remembered
    /// afterwards.
    /// </summary>
    public Loan Borrow()
    {
        lock (_gate)
        {
            _borrowers++;
            while (_running)
            {
                Monitor.Wait(_gate);
            }
            _running = true;
            return new Loan(this);
        }
    }

    /// <summary>Ends what is under way; the context may be freed once its last lease is given back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            while (_waiting.First is { } next)
            {
                _waiting.RemoveFirst();
                EndWaiting(next.Value, new ObjectDisposedException(nameof(LlamaEngine)));
            }
            foreach (var request in _decoding)
            {
                request.IsCancelled = true;
                request.Fail(new ObjectDisposedException(nameof(LlamaEngine)));
            }
            if (_decoding.Length > 0)
            {
                _session.Abort(true);
            }
        }
    }

    private void Add(Generation request)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                request.Dispose();
                throw new ObjectDisposedException(nameof(LlamaEngine));
            }
            // Who asked first goes first, even if its prompt took longer to prepare; who had to give way is waiting already.
            var before = _waiting.Last;
            while (before is not null && before.Value.Order > request.Order)
            {
                before = before.Previous;
            }
            if (before is null)
            {
                _waiting.AddFirst(request);
            }
            else
            {
                _waiting.AddAfter(before, request);
            }
            if (!_running)
            {
                Start();
            }
        }
    }

    private void Cancel(Generation request)
    {
        lock (_gate)
        {
            request.IsCancelled = true;
            if (_waiting.Remove(request))
            {
                EndWaiting(request, null);
                return;
            }
            if (request.Answer.IsCompleted)
            {
                return;
            }
            if (Array.TrueForAll(_decoding, static other => other.IsCancelled || other.Answer.IsCompleted))
            {
                // Nobody wants what is being computed. The request ends when that has stopped: what does not listen is told from what does.
                _session.Abort(true);
                return;
            }
            request.Cancel();
        }
    }

    private void Return()
    {
        lock (_gate)
        {
            _borrowers--;
            if (!_disposed)
            {
                _slots.ForgetAll();
            }
            Idle();
        }
    }

    private static void EndWaiting(Generation request, Exception? error)
    {
        if (error is null)
        {
            request.Cancel();
        }
        else
        {
            request.Fail(error);
        }
        request.Dispose();
    }

    /// <summary>Under the lock.</summary>
    private void Start()
    {
        _running = true;
        new Thread(Run) { IsBackground = true, Name = "ModelOps decoding" }.Start();
    }

    /// <summary>Under the lock: the context is free.</summary>
    private void Idle()
    {
        _running = false;
        if (_borrowers > 0)
        {
            Monitor.PulseAll(_gate);
        }
        else if (_waiting.Count > 0)
        {
            Start();
        }
    }

    private void Run()
    {
        try
        {
            Decode();
        }
        catch (ObjectDisposedException) when (_disposed)
        {
            // Before the first decode: Dispose has ended the requests.
            lock (_gate)
            {
                Idle();
            }
        }
    }

    private void Decode()
    {
        using var lease = _session.Lend();
        using var batch = new TokenBatch(_session.BatchLength);
        var step = new DecodeStep(_session, _slots, batch, _loadTime);
        var displaced = new List<Generation>();
        while (Prepare(displaced))
        {
            try
            {
                step.Run(displaced);
            }
            catch (Exception error)
            {
                // On a thread of our own nobody else would catch it, and the process would end.
                step.FailAll(error);
            }
        }
    }

    /// <summary>Frees the slots of requests that nobody wants any more and fills idle ones; false when there is nothing to decode, and the thread is to end.</summary>
    private bool Prepare(List<Generation> displaced)
    {
        lock (_gate)
        {
            // The one that gave way first came last.
            foreach (var request in displaced)
            {
                _waiting.AddFirst(request);
            }
            displaced.Clear();
            foreach (var slot in _slots.Working.Where(slot => slot.Work!.IsCancelled).ToList())
            {
                DecodeStep.End(slot, work => work.Cancel());
            }
            foreach (var cancelled in _waiting.Where(request => request.IsCancelled).ToList())
            {
                _waiting.Remove(cancelled);
                EndWaiting(cancelled, null);
            }
            while (_borrowers == 0 && _waiting.First is { } next && HasRoom(next.Value))
            {
                _waiting.RemoveFirst();
                _slots.Assign(next.Value);
            }
            _decoding = [.. _slots.Working.Select(slot => slot.Work!)];
            if (_decoding.Length == 0)
            {
                Idle();
                return false;
            }
            _session.Abort(false);
            return true;
        }
    }

    /// <summary>
    /// Whether a request can begin: a slot is idle, and where the sequences share one cache, it has room for what all of them are to read. Answers that outgrow it
    /// later give way to those who came first.
    /// </summary>
    private bool HasRoom(Generation next)
        => _slots.AnyIdle && (!_slots.AnyWorking || !_session.SharesCache
            || _slots.Working.Sum(slot => (long)slot.Work!.Context.Count) + next.Context.Count <= _session.ContextLength);

    /// <summary>The context, for as long as this is not disposed of.</summary>
    public readonly struct Loan(DecodeLoop loop) : IDisposable
    {
        public void Dispose() => loop.Return();
    }
}
