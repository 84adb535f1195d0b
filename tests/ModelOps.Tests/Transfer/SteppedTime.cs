namespace ModelOps.Tests.Transfer;

/// <summary>A clock that stands still until it is moved; its timers fire when it passes them.</summary>
internal sealed class SteppedTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Now => TimeSpan.FromTicks(Interlocked.Read(ref _now));

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + Now;

    public void Advance(TimeSpan by)
    {
        Interlocked.Add(ref _now, by.Ticks);
        List<Timer> due;
        lock (_lock)
        {
            due = _timers.FindAll(timer => timer.Due <= Now);
            _timers.RemoveAll(due.Contains);
        }
        foreach (Timer timer in due)
            timer.Callback(timer.State);
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(callback, state, Now + dueTime);
        if (dueTime != Timeout.InfiniteTimeSpan)
        {
            lock (_lock)
                _timers.Add(timer);
        }
        return timer;
    }

    private sealed record Timer(TimerCallback Callback, object? State, TimeSpan Due) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;
        public void Dispose() { }
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
