using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>The bandwidth limit, on a clock that stands still.</summary>
public sealed class BandwidthLimitTests
{
    private const long Rate = 1_000_000;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private readonly SteppedTime _time = new();

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public async Task AllConnectionsTogetherKeepTheRateInEverySecond(int connections)
    {
        var limit = new BandwidthLimit(Rate, _time);
        Task[] waits = [.. Enumerable.Repeat(Task.CompletedTask, connections)];
        long total = 0;
        var seconds = new List<long>();
        for (int second = 0; second < 5; second++)
        {
            long before = total;
            for (TimeSpan end = _time.Now + TimeSpan.FromSeconds(1); _time.Now < end; _time.Advance(Step))
            {
                for (int i = 0; i < connections; i++)
                {
                    if (!waits[i].IsCompleted)
                        continue;
                    await waits[i];
                    waits[i] = limit.WaitAsync(limit.PieceBytes, TestContext.Current.CancellationToken);
                    total += limit.PieceBytes;
                }
            }
            seconds.Add(total - before);
        }
        // Every connection has one piece in hand, and a tenth of a second may be made up at the start.
        long slack = connections * limit.PieceBytes;
        Assert.InRange(total, (5 * Rate) - slack, (5 * Rate) + slack + (Rate / 10));
        Assert.All(seconds.Skip(1), bytes => Assert.InRange(bytes, (Rate * 9 / 10) - limit.PieceBytes, (Rate * 11 / 10) + limit.PieceBytes));
    }

    [Fact]
    public void APauseIsNotMadeUp()
    {
        var limit = new BandwidthLimit(Rate, _time);
        _time.Advance(TimeSpan.FromMinutes(1));
        long bytes = 0;
        while (limit.WaitAsync(10_000, TestContext.Current.CancellationToken).IsCompleted)
            bytes += 10_000;
        Assert.InRange(bytes, 0, Rate / 10);
    }

    [Fact]
    public async Task AWaitCanBeStopped()
    {
        var limit = new BandwidthLimit(Rate, _time);
        using var stop = new CancellationTokenSource();
        Task wait = limit.WaitAsync(10_000_000, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
    }

    [Theory]
    [InlineData(1024, 1024)]
    [InlineData(1_000_000, 50_000)]
    [InlineData(1_000_000_000, 256 << 10)]
    public void PiecesAreSmallEnoughForASmoothFlow(long rate, int piece) => Assert.Equal(piece, new BandwidthLimit(rate, _time).PieceBytes);
}
