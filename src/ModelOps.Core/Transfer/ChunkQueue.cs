namespace ModelOps.Transfer;

/// <summary>
/// Who fetches which chunk next: what somebody waits for first, then in order, in runs that get shorter towards the end so that all connections end
/// together; at the very end what a slow connection still has before it, and at last what it is at.
/// </summary>
internal sealed partial class ChunkQueue
{
    /// <summary>A chunk this far ahead of a running request is not worth a connection of its own.</summary>
    private const int NearChunks = 4;
    /// <summary>What takes a connection longer than this is shared with one that has nothing to do.</summary>
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(5);

    /// <summary>A connection that needs so many times as long as the fastest for its last chunk is not waited for.</summary>
    private const int MuchSlower = 4;

    private readonly Lock _lock = new();
    private readonly ChunkGrid _grid;
    private readonly int _mostChunks;
    private readonly TimeProvider _time;
    private readonly State[] _states;
    private readonly List<ChunkRun> _running = [];
    private readonly List<Asked> _asked = [];
    private TaskCompletionSource _changed = NewSignal();
    private Exception? _failure;
    private int _missing;
    private double _fastest;
    /// <summary>No chunk before this one is missing.</summary>
    private int _low;

    /// <param name="record">What is there.</param>
    /// <param name="mostBytes">Longest request.</param>
    /// <param name="time">Clock for the speed of connections.</param>
    public ChunkQueue(ChunkRecord record, long mostBytes, TimeProvider time)
    {
        _grid = record.Grid;
        _mostChunks = (int)Math.Max(mostBytes / _grid.ChunkBytes, 1);
        _time = time;
        _states = new State[_grid.Count];
        for (int chunk = 0; chunk < _states.Length; chunk++)
        {
            _states[chunk] = record.Has(chunk) ? State.Inherited : State.Missing;
            _missing += record.Has(chunk) ? 0 : 1;
        }
    }

    private enum State : byte { Missing, Claimed, Inherited, Present }

    /// <summary>Whether every chunk is there and was checked: nothing will be missing again.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The next run for one of so many connections, or null when there is nothing to do for it now.</summary>
    public ChunkRun? Take(int connections)
    {
        lock (_lock)
        {
            if (FindAsked() is var (asked, chunk))
            {
                if (_states[chunk] == State.Claimed)
                    Cut(Owner(chunk)!, chunk);
                return Claim(chunk, Math.Min(asked.End - chunk, _mostChunks), isAsked: true);
            }
            if (_missing > 0)
            {
                while (_states[_low] != State.Missing)
                    _low++;
                return Claim(_low, Math.Clamp(_missing / (2 * connections), 1, _mostChunks), isAsked: false);
            }
            if (Straggler() is { } slow)
            {
                int from = slow.End - ((slow.End - slow.Next) / 2);
                if (from < slow.End)
                {
                    Cut(slow, from);
                    return Claim(from, _mostChunks, isAsked: false);
                }
                from = slow.Next;
                PutBack(slow);
                slow.GiveUp();
                return Claim(from, 1, isAsked: slow.IsAsked, isSecond: true);
            }
            return null;
        }
    }

    /// <summary>All that is missing, as one stream; null when nothing is.</summary>
    public ChunkRun? TakeStream()
    {
        lock (_lock)
        {
            if (_missing == 0)
                return null;
            int first = Array.IndexOf(_states, State.Missing);
            for (int chunk = first; chunk < _states.Length; chunk++)
                _states[chunk] = _states[chunk] == State.Missing ? State.Claimed : _states[chunk];
            _missing = 0;
            return Start(new ChunkRun(first, _states.Length, _time.GetTimestamp(), _time) { IsStream = true });
        }
    }

    /// <summary>The end of a run as it is now, in bytes.</summary>
    public long EndOf(ChunkRun run)
    {
        lock (_lock)
            return _grid.End(run.End - 1);
    }

    /// <summary>The run's next chunk is complete and may be written; false when another connection fetches it by now.</summary>
    public bool MayWrite(ChunkRun run)
    {
        lock (_lock)
            return run.IsWriting = !run.GivenUp.IsCancellationRequested;
    }

    /// <summary>The run's next chunk is there, or, in a stream, was passed. False when the run ends here: done, cut short, or given up for bytes that somebody waits for.</summary>
    public bool Advance(ChunkRun run)
    {
        lock (_lock)
        {
            if (_states[run.Next] == State.Claimed)
                _states[run.Next] = State.Present;
            run.Next++;
            run.IsWriting = false;
            _fastest = Math.Max(_fastest, run.BytesPerSecond);
            Pulse();
            if (run.Next < run.End && (run.IsStream || run.IsAsked || FindAsked() is null))
                return true;
            PutBack(run);
            return false;
        }
    }

    /// <summary>Puts back what a run has not fetched.</summary>
    public void Release(ChunkRun run)
    {
        lock (_lock)
            PutBack(run);
    }

    /// <summary>Whether a chunk is there.</summary>
    public bool Has(int chunk)
    {
        lock (_lock)
            return _states[chunk] >= State.Inherited;
    }

    /// <summary>Whether a chunk comes from an earlier run and was not checked since.</summary>
    public bool IsInherited(int chunk)
    {
        lock (_lock)
            return _states[chunk] == State.Inherited;
    }

    /// <summary>An inherited chunk is as it was written.</summary>
    public void Confirm(int chunk)
    {
        lock (_lock)
            _states[chunk] = _states[chunk] == State.Inherited ? State.Present : _states[chunk];
    }

    /// <summary>An inherited chunk has suffered and is missing; <paramref name="forget"/> is called before anyone fetches it. False when that was known.</summary>
    public bool Lose(int chunk, Action forget)
    {
        lock (_lock)
        {
            if (_states[chunk] != State.Inherited)
                return false;
            forget();
            SetMissing(chunk);
            Pulse();
            return true;
        }
    }

    /// <summary>Everything is missing again.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            Array.Clear(_states);
            _missing = _states.Length;
            _low = 0;
            IsClosed = false;
        }
    }

    private ChunkRun Claim(int start, int most, bool isAsked, bool isSecond = false)
    {
        int end = start;
        while (end < _states.Length && end - start < most && _states[end] == State.Missing)
            _states[end++] = State.Claimed;
        _missing -= end - start;
        return Start(new ChunkRun(start, end, _time.GetTimestamp(), _time) { IsAsked = isAsked, IsSecond = isSecond });
    }

    private ChunkRun Start(ChunkRun run)
    {
        _running.Add(run);
        return run;
    }

    /// <summary>Ends a run before a chunk; what is behind is missing again.</summary>
    private void Cut(ChunkRun run, int at)
    {
        for (int chunk = at; chunk < run.End; chunk++)
        {
            if (_states[chunk] == State.Claimed)
                SetMissing(chunk);
        }
        run.End = at;
    }

    private void PutBack(ChunkRun run)
    {
        Cut(run, run.Next);
        if (_running.Remove(run))
            Pulse();
    }

    private void SetMissing(int chunk)
    {
        _states[chunk] = State.Missing;
        _missing++;
        _low = Math.Min(_low, chunk);
    }

    private ChunkRun? Owner(int chunk) => _running.Find(run => run.Next <= chunk && chunk < run.End);

    /// <summary>The run that would take longest, when that is long and something can be taken from it.</summary>
    private ChunkRun? Straggler() => _running.Where(IsSlow).MaxBy(TimeLeft);

    private bool IsSlow(ChunkRun run) => !run.IsStream && TimeLeft(run) is var left && left > Long
        && (run.End - run.Next >= 2 || (!run.IsWriting && !run.IsSecond && left.TotalSeconds * _fastest > (double)MuchSlower * _grid.Length(run.Next)));

    private TimeSpan TimeLeft(ChunkRun run) => run.End == run.Next ? TimeSpan.Zero : run.TimeFor(_grid.End(run.End - 1) - _grid.Start(run.Next) - run.Filled);
}
