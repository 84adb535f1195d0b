namespace ModelOps.Transfer;

/// <summary>Counts the bytes of a whole download and reports them, not too often.</summary>
internal sealed class TransferMeter(IProgress<TransferProgress>? progress, long totalBytes, TimeSpan reportEvery, TimeProvider time)
{
    /// <summary>The speed is that of the last seconds, so that it says what is going on now.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Queue<(long Time, long Fetched)> _samples = new();
    private readonly Dictionary<string, long> _elsewhere = [];
    private long _present;
    private long _fetched;
    private long? _reported;

    /// <summary>Bytes that were there already; negative when they turned out to be no good.</summary>
    public void AddPresent(string file, long bytes)
    {
        lock (_lock)
        {
            _present += bytes;
            Report(file, force: false);
        }
    }

    /// <summary>Bytes that came over the network.</summary>
    public void AddFetched(string file, int bytes)
    {
        lock (_lock)
        {
            _present += bytes;
            _fetched += bytes;
            Report(file, force: false);
        }
    }

    /// <summary>How much of a file another process has, which is downloading it while we wait; null when it has ended.</summary>
    public void SetElsewhere(string file, long? bytes)
    {
        lock (_lock)
        {
            long before = _elsewhere.GetValueOrDefault(file);
            _present += (bytes ?? 0) - before;
            if (bytes is { } now)
            {
                // It is our speed too: what counts is when the model is here.
                _fetched += Math.Max(_elsewhere.ContainsKey(file) ? now - before : 0, 0);
                _elsewhere[file] = now;
                Report(file, force: false);
            }
            else
            {
                _elsewhere.Remove(file);
            }
        }
    }

    /// <summary>Reports where it stands, whenever the last report was.</summary>
    public void Finish(string file)
    {
        lock (_lock)
            Report(file, force: true);
    }

    // Within the lock, so that reports come in order.
    private void Report(string file, bool force)
    {
        if (progress is null)
            return;
        long now = time.GetTimestamp();
        if (!force && _reported is { } last && time.GetElapsedTime(last, now) < reportEvery)
            return;
        _reported = now;
        _samples.Enqueue((now, _fetched));
        while (_samples.Count > 2 && time.GetElapsedTime(_samples.Peek().Time, now) > Window)
            _samples.Dequeue();
        (long start, long fetched) = _samples.Peek();
        double seconds = time.GetElapsedTime(start, now).TotalSeconds;
        double speed = seconds > 0 ? (_fetched - fetched) / seconds : 0;
        TimeSpan? remaining = speed >= 1 ? TimeSpan.FromSeconds(Math.Max(totalBytes - _present, 0) / speed) : null;
        progress.Report(new TransferProgress(file, _present, totalBytes, speed) { Remaining = remaining, IsElsewhere = _elsewhere.ContainsKey(file) });
    }
}
