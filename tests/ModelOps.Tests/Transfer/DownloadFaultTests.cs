using System.Net;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>What networks do to downloads.</summary>
public sealed class DownloadFaultTests(HubFixture hub) : IClassFixture<HubFixture>, IDisposable
{
    private const string Repository = HubFixture.Llama;
    private readonly TempStore _temp = new();
    private readonly byte[] _weights = File.ReadAllBytes(HubFixture.LocalFile(Repository, "model.safetensors"));

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(BodyFault.Reset)]
    [InlineData(BodyFault.Truncate)]
    [InlineData(BodyFault.Stall)]
    public async Task BrokenBodyContinuesAtItsLastByte(BodyFault fault)
    {
        const long Start = 4 * TempStore.PartBytes;
        const int Good = 100_000;
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (Range(request) is { From: Start } && response.StatusCode == HttpStatusCode.PartialContent)
                    ReplaceBody(response, new FaultyBody(_weights[(int)Start..], Good, fault));
                return Task.CompletedTask;
            },
        };
        // Two connections: then the parts begin where they can be foretold.
        await InstallAsync(network, options => options with { StallTimeout = TimeSpan.FromSeconds(fault == BodyFault.Stall ? 10 : 30) }, connections: 2);
        // How far it goes on depends on what the other connection has taken of the part meanwhile.
        Assert.Contains(Start + Good, network.Requests.Select(request => Range(request)?.From));
    }

    [Fact]
    public async Task WrongByteIsNoticed()
    {
        var network = new FaultHandler
        {
            Change = async (request, _, response) =>
            {
                if (Range(request)?.From == TempStore.PartBytes)
                {
                    byte[] content = await response.Content.ReadAsByteArrayAsync();
                    content[1234] ^= 0x10;
                    ReplaceBody(response, new MemoryStream(content));
                }
            },
        };
        await AssertMismatchAsync(network);
    }

    [Fact]
    public async Task ShiftedRangeIsNoticed()
    {
        // The header is right, the bytes are those one further.
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (Range(request) is { From: TempStore.PartBytes } range)
                    ReplaceBody(response, new MemoryStream(_weights[(TempStore.PartBytes + 1)..((int)range.To!.Value + 2)]));
                return Task.CompletedTask;
            },
        };
        await AssertMismatchAsync(network);
    }

    [Fact]
    public async Task AnotherRangeThanAskedForIsNotTaken()
    {
        int wrong = 0;
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (Range(request)?.From == TempStore.PartBytes && wrong++ == 0)
                    response.Content.Headers.ContentRange = new(0, TempStore.PartBytes - 1, _weights.Length);
                return Task.CompletedTask;
            },
        };
        await InstallAsync(network);
        Assert.Equal(2, wrong);
    }

    [Fact]
    public async Task WholeFileInAnswerToARangeIsTakenOnce()
    {
        var network = new FaultHandler { Answer = (request, _) => request.IsContent ? Whole() : null };
        await InstallAsync(network);
        // At most one range a connection is in vain, then one stream.
        Assert.InRange(network.Requests.Count(request => request.IsContent), 2, 9);
    }

    [Fact]
    public async Task WholeFileThatAlwaysBreaksIsGivenUp()
    {
        var network = new FaultHandler
        {
            Answer = (request, _) =>
            {
                if (!request.IsContent)
                    return null;
                HttpResponseMessage response = Whole();
                ReplaceBody(response, new FaultyBody(_weights, 1_000_000, BodyFault.Reset));
                return response;
            },
        };
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => InstallAsync(network));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        AssertNothingFinal();
    }

    [Fact]
    public async Task ExpiredLinkIsAskedForAgain()
    {
        string? first = null;
        int served = 0;
        var network = new FaultHandler
        {
            // After six parts the first link is worth nothing any more.
            Answer = (request, _) =>
            {
                if (!request.IsContent)
                    return null;
                string link = Interlocked.CompareExchange(ref first, request.Address.Query, null) ?? first!;
                return request.Address.Query == link && Interlocked.Increment(ref served) > 6 ? FaultHandler.Status(HttpStatusCode.Forbidden) : null;
            },
            // Links of the same second would be the same.
            Change = (request, number, response) =>
            {
                if (request.IsResolve && response.Headers.Location is { } location)
                    response.Headers.Location = new Uri(location.AbsoluteUri + "&n=" + number);
                return Task.CompletedTask;
            },
        };
        // Links expire every hour: nobody waits for that, nor hears of it.
        var time = new FakeTime();
        var notices = new System.Collections.Concurrent.ConcurrentQueue<HubNotice>();
        await InstallAsync(network, options => options with { Time = time, Notify = notices.Enqueue });
        Assert.Empty(time.Waits);
        Assert.Empty(notices);
        Assert.InRange(network.Requests.Count(request => request.IsResolve && request.Address.AbsolutePath.EndsWith("model.safetensors", StringComparison.Ordinal)), 2, 9);
    }

    [Fact]
    public async Task LinkThatIsAlwaysRefusedIsGivenUp()
    {
        var network = new FaultHandler { Answer = (request, _) => request.IsContent ? FaultHandler.Status(HttpStatusCode.Forbidden) : null };
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => InstallAsync(network));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("403", e.Message);
        AssertNothingFinal();
    }

    [Fact]
    public async Task BurstOfServerErrorsIsSurvived()
    {
        // Every part fails twice before it is served.
        var failures = new System.Collections.Concurrent.ConcurrentDictionary<long, int>();
        var network = new FaultHandler
        {
            Answer = (request, _) => Range(request) is { } range && failures.AddOrUpdate(range.From!.Value, 1, (_, count) => count + 1) <= 2 ? FaultHandler.Status(HttpStatusCode.BadGateway) : null,
        };
        await InstallAsync(network);
        Assert.True(failures.Count >= 14);
    }

    [Fact]
    public async Task RateLimitOfTheContentServerIsObeyed()
    {
        var time = new FakeTime();
        int refused = 0;
        var network = new FaultHandler
        {
            Answer = (request, _) =>
            {
                if (!request.IsContent || Interlocked.Increment(ref refused) != 3)
                    return null;
                HttpResponseMessage response = FaultHandler.Status(HttpStatusCode.TooManyRequests);
                response.Headers.TryAddWithoutValidation("Retry-After", "42");
                return response;
            },
        };
        await InstallAsync(network, options => options with { Time = time });
        Assert.Contains(TimeSpan.FromSeconds(42), time.Waits);
    }

    [Fact]
    public async Task RateLimitOfTheHubHoldsForAllFiles()
    {
        // The clock stands still: who asks again while the wait goes on is seen.
        var time = new SteppedTime();
        int resolves = 0;
        var network = new FaultHandler
        {
            Answer = (request, _) =>
            {
                if (!request.IsResolve || Interlocked.Increment(ref resolves) > 1)
                    return null;
                HttpResponseMessage response = FaultHandler.Status(HttpStatusCode.TooManyRequests);
                response.Headers.TryAddWithoutValidation("Retry-After", "42");
                return response;
            },
        };
        using HubClient client = hub.Client(network, options => options with { Time = time });
        RepositoryInfo info = await client.GetRepositoryAsync(Repository, cancellationToken: TestContext.Current.CancellationToken);
        ModelOps.Hub.RemoteFile Open(string path) => client.OpenFile(info.Repository, info.Commit, path);
        await Assert.ThrowsAsync<ModelOps.Hub.HubFailure>(() => Open("model.safetensors").OpenAsync(0, 10, TestContext.Current.CancellationToken));
        time.Advance(TimeSpan.FromSeconds(20));
        ModelOps.Hub.HubFailure second = await Assert.ThrowsAsync<ModelOps.Hub.HubFailure>(() => Open("config.json").OpenAsync(0, 10, TestContext.Current.CancellationToken));
        Assert.Equal((ErrorKind.RateLimited, TimeSpan.FromSeconds(22), 1), (second.Error.Kind, second.Wait, resolves));
        // What it counts apart is asked all the same.
        await client.GetRepositoryAsync(Repository, cancellationToken: TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(22));
        await (await Open("config.json").OpenAsync(0, 10, TestContext.Current.CancellationToken)).DisposeAsync();
    }

    [Fact]
    public async Task DeadNetworkIsTold()
    {
        var notices = new System.Collections.Concurrent.ConcurrentQueue<HubNotice>();
        int failures = 0;
        // Small files too, before any byte came: while bytes come nobody need hear of a lost connection.
        var network = new FaultHandler { Answer = (request, _) => (request.IsResolve || request.IsContent) && Interlocked.Increment(ref failures) <= 3 ? FaultHandler.Status(HttpStatusCode.BadGateway) : null };
        await InstallAsync(network, options => options with { Notify = notices.Enqueue }, connections: 1);
        Assert.NotEmpty(notices);
        Assert.All(notices, notice => Assert.Equal(HubNoticeKind.Retry, notice.Kind));
        Assert.All(notices, notice => Assert.Contains("502", notice.Message));
    }

    [Fact]
    public async Task NetworkThatGoesAwayForAMomentIsWaitedFor()
    {
        int content = 0;
        var network = new FaultHandler
        {
            Answer = (request, _) => request.IsContent && Interlocked.Increment(ref content) is 6 or 7
                ? throw new HttpRequestException(HttpRequestError.ConnectionError, "refused", new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.ConnectionRefused))
                : null,
        };
        // One connection, so that bytes have come before the sixth request: at the very start it would be a wrong address.
        await InstallAsync(network, connections: 1);
        Assert.True(content > 7);
    }

    [Fact]
    public async Task FileOfAnotherLengthIsNoticed()
    {
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (Range(request) is { } range)
                    response.Content.Headers.ContentRange = new(range.From!.Value, range.To!.Value, _weights.Length + 1);
                return Task.CompletedTask;
            },
        };
        await AssertMismatchAsync(network);
    }

    [Fact]
    public async Task GatedFileStopsTheWhole()
    {
        var network = new FaultHandler { Answer = (request, _) => request.IsResolve && request.Address.AbsolutePath.EndsWith("tokenizer.json", StringComparison.Ordinal) ? FaultHandler.Status(HttpStatusCode.Forbidden, "GatedRepo") : null };
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => InstallAsync(network));
        Assert.Equal(ErrorKind.GatedRepository, e.Kind);
        Assert.Empty(_temp.Store.GetModels());
    }

    private static System.Net.Http.Headers.RangeItemHeaderValue? Range(SentRequest request) => request.IsContent ? request.Range!.Ranges.Single() : null;

    private HttpResponseMessage Whole() => new(HttpStatusCode.OK) { Content = new ByteArrayContent(_weights) };

    private static void ReplaceBody(HttpResponseMessage response, Stream body)
    {
        HttpContent old = response.Content;
        response.Content = new StreamContent(body);
        foreach ((string name, IEnumerable<string> values) in old.Headers.Where(header => header.Key != "Content-Length"))
            response.Content.Headers.TryAddWithoutValidation(name, values);
    }

    private async Task InstallAsync(FaultHandler network, Func<HubOptions, HubOptions>? change = null, int connections = 8)
    {
        using HubClient client = hub.Client(network, change);
        ModelStore store = _temp.With(options => options with { Connections = connections });
        DownloadPlan plan = await store.PlanInstallAsync(client, Repository);
        TempStore.AssertSameContent(Repository, await store.InstallAsync(client, plan));
    }

    private async Task AssertMismatchAsync(FaultHandler network)
    {
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => InstallAsync(network));
        Assert.Equal(ErrorKind.ChecksumMismatch, e.Kind);
        Assert.Contains("model.safetensors", e.Message);
        AssertNothingFinal();
    }

    private void AssertNothingFinal()
    {
        Assert.Empty(_temp.Store.GetModels());
        Assert.DoesNotContain(_temp.Finished(), entry => entry.Contains("/snapshots/") || new FileInfo(Path.Combine(_temp.Directory, entry)).Length == _weights.Length);
    }
}
