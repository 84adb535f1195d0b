namespace ModelOps.Transfer;

/// <summary>
/// What the connections of a download have to tell, once for all of them: no second notice while the wait of the first goes on, and none of a lost
/// connection while bytes keep coming over others.
/// </summary>
internal sealed class QuietNotices(Action<HubNotice>? notify, TimeProvider time)
{
    /// <summary>Bytes that came so recently are news enough.</summary>
    private static readonly TimeSpan Lively = TimeSpan.FromMilliseconds(900);

    private readonly Lock _lock = new();
    private long _receivedAt;
    private long _toldAt;
    private TimeSpan _toldWait;

    /// <summary>Bytes came.</summary>
    public void Received() => Volatile.Write(ref _receivedAt, time.GetTimestamp());

    /// <summary>Passes a notice on, if it is news.</summary>
    public void Tell(HubNotice notice)
    {
        if (notify is null)
            return;
        lock (_lock)
        {
            bool isTold = _toldAt != 0 && time.GetElapsedTime(_toldAt) < _toldWait;
            bool isLively = notice.Kind == HubNoticeKind.Retry && _receivedAt != 0 && time.GetElapsedTime(Volatile.Read(ref _receivedAt)) < Lively;
            if (isTold || isLively)
                return;
            _toldAt = time.GetTimestamp();
            _toldWait = notice.Wait;
        }
        notify(notice);
    }
}
