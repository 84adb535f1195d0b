using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>Bodies that stop, break, end too early, or never end.</summary>
public sealed class BodyFaultTests
{
    private const int GoodBytes = 100_000;

    public static TheoryData<string> Names => [.. Faults.Keys];

    private static Dictionary<string, Func<long, Fault>> Faults { get; } = new()
    {
        ["stall"] = NetworkFaults.Stall,
        ["reset"] = NetworkFaults.Reset,
        ["truncate"] = NetworkFaults.Truncate,
    };

    [Theory]
    [MemberData(nameof(Names))]
    public async Task OneBrokenBodyIsContinued(string name)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(Faults[name](GoodBytes).OnContent(1, 3, 10), QuickStall);

        Assert.Null(outcome.Error);
        download.AssertComplete();
        // What the reset took with it out of the sockets' buffers comes again, and nothing else.
        Assert.InRange(outcome.SentBytes, download.Model.Bytes, download.Model.Bytes + 3 * GoodBytes);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task BodiesThatAlwaysBreakEndTheRunAndTheNextContinues(string name)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault broken = Faults[name](0).When(request => request.IsContent && download.Server.ContentBytes > download.Model.Bytes / 2);

        RunOutcome outcome = await download.RunAsync(broken, QuickStall);

        download.AssertFailed(outcome, ErrorKind.NetworkFailure);
        await download.AssertContinuesAsync(outcome);
    }

    [Fact]
    public async Task BodiesThatBreakAfterEveryFewBytesArriveAllTheSame()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.Truncate(GoodBytes).OnContent());

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.Equal(download.Model.Bytes, outcome.SentBytes);
    }

    [Fact]
    public async Task TrickleOnOneConnectionDoesNotKeepTheFileForEver()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.Trickle(bytes: 1, TimeSpan.FromMilliseconds(20)).OnContent(2, 5), options => QuickStall(options) with { Time = TimeProvider.System });

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.InRange(outcome.SentBytes, download.Model.Bytes, download.Model.Bytes + 2 * TempStore.PartBytes);
    }

    /// <summary>Fast enough not to count as silent, and hours for a part all the same: the others have long done their share.</summary>
    [Fact]
    public async Task SlowConnectionDoesNotKeepTheOthersWaitingAtTheEnd()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        download.Change = options => options with { Transfer = new() };

        RunOutcome outcome = await download.RunAsync(NetworkFaults.Trickle(bytes: 256, TimeSpan.FromMilliseconds(100)).OnContent(2), options => options with { Time = TimeProvider.System });

        Assert.Null(outcome.Error);
        download.AssertComplete();
    }

    private static HubOptions QuickStall(HubOptions options) => options with { StallTimeout = TimeSpan.FromSeconds(4) };
}
