using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>What the connections of one download tell.</summary>
public class QuietNoticesTests
{
    private static readonly HubNotice Lost = new(HubNoticeKind.Retry, "502", TimeSpan.FromSeconds(4));
    private readonly SteppedTime _time = new();
    private readonly List<HubNotice> _told = [];

    [Fact]
    public void EveryWaitIsToldOnceHoweverManyConnectionsWait()
    {
        QuietNotices notices = Start();
        for (int connection = 0; connection < 8; connection++)
            notices.Tell(Lost);
        _time.Advance(TimeSpan.FromSeconds(3));
        notices.Tell(Lost);
        Assert.Single(_told);
        _time.Advance(TimeSpan.FromSeconds(1));
        notices.Tell(Lost);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public void LostConnectionIsNoNewsWhileBytesCome()
    {
        QuietNotices notices = Start();
        notices.Received();
        notices.Tell(Lost);
        Assert.Empty(_told);
        // A limit stops all of them: that is news.
        notices.Tell(new HubNotice(HubNoticeKind.RateLimit, "429", TimeSpan.FromSeconds(1)));
        Assert.Equal(HubNoticeKind.RateLimit, Assert.Single(_told).Kind);
        _time.Advance(TimeSpan.FromSeconds(2));
        notices.Tell(Lost);
        Assert.Equal(2, _told.Count);
    }

    private QuietNotices Start()
    {
        _time.Advance(TimeSpan.FromHours(1));
        return new QuietNotices(_told.Add, _time);
    }
}
