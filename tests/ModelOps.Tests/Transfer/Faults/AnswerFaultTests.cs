using System.Collections.Concurrent;
using Xunit;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>Answers that are not the range that was asked for.</summary>
public sealed class AnswerFaultTests
{
    private const string Token = "hf_judge";

    [Fact]
    public async Task WholeFileInAnswerToEveryRange()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.IgnoreRange.OnContent());

        Assert.Null(outcome.Error);
        download.AssertComplete();
    }

    [Fact]
    public async Task WholeFileInAnswerToOneRange()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.IgnoreRange.OnContent(6));

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.InRange(outcome.SentBytes, download.Model.Bytes, 2 * download.Model.Bytes + FaultyDownload.InFlightBytes);
    }

    [Fact]
    public async Task WholeFileThatBreaksLosesNothing()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault breaking = request => download.Server.ContentBytes < download.Model.Bytes / 2 ? Task.FromResult(false) : Both(request);
        static async Task<bool> Both(FaultRequest request) => await NetworkFaults.Reset(after: 1000)(request) || await NetworkFaults.IgnoreRange(request);

        RunOutcome outcome = await download.RunAsync(breaking.OnContent());

        download.AssertFailed(outcome, ErrorKind.NetworkFailure);
        await download.AssertContinuesAsync(outcome with { SentBytes = download.Model.Bytes / 2 });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LoginPageInTheMiddleLosesNothing(bool tellsLength)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(AfterHalf(download, NetworkFaults.LoginPage(tellsLength)));

        Assert.NotNull(outcome.Error);
        download.AssertFailed(outcome, outcome.Error.Kind is ErrorKind.ChecksumMismatch ? ErrorKind.ChecksumMismatch : ErrorKind.NetworkFailure);
        await download.AssertContinuesAsync(outcome with { SentBytes = download.Model.Bytes / 2 });
    }

    [Fact]
    public async Task ExpiredLinkIsAskedForAgain()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        // Refused from the half on, until the hub has been asked again.
        int asked = 0, refused = 0;
        Fault expired = request =>
        {
            if (request.IsResolve && download.Server.ContentBytes > download.Model.Bytes / 2)
                Interlocked.Increment(ref asked);
            if (!request.IsContent || download.Server.ContentBytes <= download.Model.Bytes / 2 || Volatile.Read(ref asked) > 0)
                return Task.FromResult(false);
            Interlocked.Increment(ref refused);
            return NetworkFaults.Status(403)(request);
        };

        RunOutcome outcome = await download.RunAsync(expired);

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.InRange(refused, 1, FaultyDownload.Connections);
        Assert.InRange(asked, 1, FaultyDownload.Connections);
        Assert.Equal(download.Model.Bytes, outcome.SentBytes - refused * 15);
    }

    [Theory]
    [InlineData(403, ErrorKind.NetworkFailure)]
    [InlineData(410, ErrorKind.NetworkFailure)]
    [InlineData(500, ErrorKind.NetworkFailure)]
    [InlineData(503, ErrorKind.NetworkFailure)]
    [InlineData(407, ErrorKind.NetworkFailure)]
    [InlineData(451, ErrorKind.NetworkFailure)]
    [InlineData(416, ErrorKind.ChecksumMismatch)]
    public async Task AnswerThatStaysWrongEndsTheRunAndTheNextContinues(int status, ErrorKind kind)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(AfterHalf(download, NetworkFaults.Status(status)));

        download.AssertFailed(outcome, kind);
        await download.AssertContinuesAsync(outcome with { SentBytes = download.Model.Bytes / 2 });
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    public async Task AnswerWithoutContentLosesNothing(int status)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault empty = request =>
        {
            request.Context.Response.StatusCode = status;
            return Task.FromResult(true);
        };

        RunOutcome outcome = await download.RunAsync(AfterHalf(download, empty));

        Assert.NotNull(outcome.Error);
        download.AssertFailed(outcome, outcome.Error.Kind is ErrorKind.ChecksumMismatch ? ErrorKind.ChecksumMismatch : ErrorKind.NetworkFailure);
        await download.AssertContinuesAsync(outcome);
    }

    [Fact]
    public async Task BurstsOfServerErrorsAreWaitedOut()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        // Every range fails three times, each time in another way.
        var failures = new ConcurrentDictionary<long, int>();
        int[] statuses = [500, 502, 504];
        Fault burst = request => failures.AddOrUpdate(request.Range!.Value.Offset, 1, (_, count) => count + 1) is var nth && nth <= statuses.Length
            ? NetworkFaults.Status(statuses[nth - 1])(request)
            : Task.FromResult(false);

        RunOutcome outcome = await download.RunAsync(burst.OnContent());

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.True(failures.Count > FaultyDownload.Connections);
        Assert.Contains(TimeSpan.FromSeconds(1), download.Time.Waits);
    }

    [Theory]
    [InlineData("Retry-After", "42", 42)]
    [InlineData("RateLimit", "\"resolvers\";r=0;t=55", 55)]
    public async Task RateLimitIsObeyed(string header, string value, int seconds)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(NetworkFaults.Status(429, (header, value)).OnContent(4));

        Assert.Null(outcome.Error);
        download.AssertComplete();
        // A moment longer is polite, for the hub counts whole seconds.
        Assert.Contains(download.Time.Waits, wait => wait.TotalSeconds >= seconds && wait.TotalSeconds <= seconds + 5);
    }

    [Fact]
    public async Task RateLimitThatLastsTooLongEndsTheRunAndTheNextContinues()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();

        RunOutcome outcome = await download.RunAsync(AfterHalf(download, NetworkFaults.Status(429, ("Retry-After", "86400"))));

        download.AssertFailed(outcome, ErrorKind.RateLimited);
        await download.AssertContinuesAsync(outcome with { SentBytes = download.Model.Bytes / 2 });
        Assert.DoesNotContain(TimeSpan.FromDays(1), download.Time.Waits);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RedirectLoopIsLeft(bool fromTheStart)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault loop = NetworkFaults.RedirectLoop.When(request => (request.IsResolve || request.IsContent) && (fromTheStart || download.Server.ContentBytes > download.Model.Bytes / 2));

        RunOutcome outcome = await download.RunAsync(loop);

        download.AssertFailed(outcome, ErrorKind.NetworkFailure);
        Assert.Contains("circles", outcome.Error!.Message);
        Assert.InRange(download.Server.Requests.Count, 1, 300);
        await download.AssertContinuesAsync(outcome);
    }

    [Fact]
    public async Task AnotherHostSeesNoToken()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        // The same server by another name: for a client, another host.
        string elsewhere = $"localhost:{download.Server.Endpoint.Port}";
        Fault away = NetworkFaults.Redirect(request => $"http://{elsewhere}{request.Path}{request.Context.Request.QueryString}").When(request => request.IsContent && request.Host != elsewhere);

        RunOutcome outcome = await download.RunAsync(away, options => options with { Token = Token });

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.All(download.Server.Requests, request => Assert.Equal(request.Host == elsewhere ? "" : $"Bearer {Token}", request.Authorization));
        Assert.Equal(download.Model.Bytes, download.Server.ContentRequests.Where(request => request.Host == elsewhere).Sum(request => request.Sent));
    }

    [Fact]
    public async Task RepositoryThatMovedElsewhereSeesNoToken()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        string elsewhere = $"localhost:{download.Server.Endpoint.Port}";
        Fault away = NetworkFaults.Redirect(request => $"http://{elsewhere}{request.Path}{request.Context.Request.QueryString}").When(request => request.Host != elsewhere);

        RunOutcome outcome = await download.RunAsync(away, options => options with { Token = Token });

        Assert.Null(outcome.Error);
        download.AssertComplete();
        Assert.All(download.Server.Requests, request => Assert.Equal(request.Host == elsewhere ? "" : $"Bearer {Token}", request.Authorization));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GatedIsSaidWithThePage(bool fromTheStart)
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        Fault gated = NetworkFaults.Status(403, ("X-Error-Code", "GatedRepo"), ("X-Error-Message", "Access to model judge/noise is restricted."))
            .When(request => (request.IsResolve || request.IsContent) && (fromTheStart || download.Server.ContentBytes > download.Model.Bytes / 2));

        RunOutcome outcome = await download.RunAsync(gated);

        download.AssertFailed(outcome, ErrorKind.GatedRepository);
        Assert.Contains($"{download.Server.Endpoint.AbsoluteUri}{RandomModel.Repository}", outcome.Error!.Message);
        await download.AssertContinuesAsync(outcome with { SentBytes = fromTheStart ? 0 : download.Model.Bytes / 2 });
    }

    [Fact]
    public async Task ServerThatGoesAwayAndComesBack()
    {
        await using FaultyDownload download = await FaultyDownload.StartAsync();
        // From the half on connections are refused, as by a host that has gone down.
        var stopped = new TaskCompletionSource<Task>();
        download.Server.Sent = sent =>
        {
            if (sent > download.Model.Bytes / 2)
                stopped.TrySetResult(Task.Run(async () => await download.Server.DisposeAsync()));
        };

        RunOutcome outcome = await download.RunAsync();
        await await stopped.Task;
        await download.RestartServerAsync();

        download.AssertFailed(outcome, ErrorKind.NetworkFailure);
        await download.AssertContinuesAsync(outcome);
    }

    private static Fault AfterHalf(FaultyDownload download, Fault fault) => fault.When(request => request.IsContent && download.Server.ContentBytes > download.Model.Bytes / 2);
}
