using System.Net;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>What goes wrong has a kind and a text of its own.</summary>
public sealed class HubErrorTests(HubFixture hub) : IClassFixture<HubFixture>
{
    private const string Sha = "0123456789012345678901234567890123456789";

    [Theory]
    [InlineData(401, null, "Invalid username or password.", ErrorKind.PrivateRepository, "HF_TOKEN")]
    [InlineData(404, "RepoNotFound", "Repository not found", ErrorKind.RepositoryNotFound, "private")]
    [InlineData(403, "GatedRepo", "Access to model o/r is restricted", ErrorKind.GatedRepository, "/o/r")]
    [InlineData(401, "GatedRepo", "Access to model o/r is restricted", ErrorKind.GatedRepository, "browser")]
    [InlineData(403, null, "Access to this resource is disabled.", ErrorKind.RepositoryDisabled, "disabled")]
    [InlineData(404, "RevisionNotFound", "Invalid rev id: x", ErrorKind.RevisionNotFound, "main")]
    [InlineData(404, "EntryNotFound", "x does not exist", ErrorKind.FileNotFound, "f.bin")]
    [InlineData(401, null, "Invalid credentials in Authorization header", ErrorKind.Unauthorized, "token")]
    [InlineData(403, null, "Forbidden by the owner", ErrorKind.PrivateRepository, "Forbidden by the owner")]
    [InlineData(407, null, null, ErrorKind.NetworkFailure, "HTTPS_PROXY")]
    [InlineData(418, null, "short and stout", ErrorKind.NetworkFailure, "short and stout")]
    public async Task AnswerHasItsKind(int status, string? code, string? message, ErrorKind kind, string mentions)
    {
        var network = new FaultHandler { Answer = (_, _) => FaultHandler.Status((HttpStatusCode)status, code, message) };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.OpenRangeAsync("o/r", Sha, "f.bin", 0, 10));
        Assert.Equal(kind, e.Kind);
        Assert.Contains(mentions, e.Message + " " + e.Hint);
        Assert.Single(network.Requests);
    }

    [Fact]
    public async Task BundledServerSaysWhatIsMissing()
    {
        using HubClient client = hub.Client();
        Assert.Equal(ErrorKind.RepositoryNotFound, await Kind(() => client.GetRepositoryAsync("modelops/none")));
        Assert.Equal(ErrorKind.RevisionNotFound, await Kind(() => client.GetRepositoryAsync(HubFixture.Llama, "none")));
        Assert.Equal(ErrorKind.FileNotFound, await Kind(() => client.OpenRangeAsync(HubFixture.Llama, "main", "none.gguf", 0, 1)));
    }

    [Theory]
    [InlineData("gem ma")]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("a/b/c")]
    [InlineData("a/..")]
    [InlineData("a/b?x=1")]
    [InlineData("a/b--c")]
    [InlineData("a/b#")]
    [InlineData("a/b\n")]
    [InlineData("")]
    public async Task BadNameNeverBecomesAnAddress(string repository)
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        Assert.Equal(ErrorKind.InvalidArgument, await Kind(() => client.GetRepositoryAsync(repository)));
        Assert.Empty(network.Requests);
    }

    /// <summary>An empty revision, or one with dots, would be another address once it is normalised.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("refs/../../x")]
    [InlineData("/main")]
    public async Task BadRevisionNeverBecomesAnAddress(string revision)
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama, revision));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.Contains("is not a revision", e.Message);
        Assert.Empty(network.Requests);
    }

    [Fact]
    public async Task OfflineAsksNobody()
    {
        var network = new FaultHandler();
        using HubClient client = hub.Client(network, options => options with { Offline = true });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.Offline, e.Kind);
        Assert.Contains("HF_HUB_OFFLINE", e.Hint);
        Assert.Empty(network.Requests);
    }

    [Theory]
    [InlineData("http://hub.invalid/", "hub.invalid")]
    [InlineData("http://127.0.0.1:1/", "refused")]
    public async Task NoNetworkIsOneSentence(string endpoint, string mentions)
    {
        using HubClient client = hub.Client(null, options => options with { Endpoint = new Uri(endpoint), CreateHandler = () => new SocketsHttpHandler { UseProxy = false } });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains(mentions, e.Message);
        Assert.DoesNotContain('\n', e.Message);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public async Task PlainHttpServerIsNoTlsServer()
    {
        using HubClient client = hub.Client(null, options => options with { Endpoint = new Uri($"https://127.0.0.1:{hub.Endpoint.Port}/"), CreateHandler = () => new SocketsHttpHandler { UseProxy = false } });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("no secure connection", e.Message);
    }

    [Fact]
    public async Task LoginPageIsNotAHub()
    {
        var network = new FaultHandler { Answer = (_, _) => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<html>Please log in</html>") } };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("not a hub's", e.Message);
    }

    [Fact]
    public async Task ServerErrorsAreTriedAgainWithGrowingWaits()
    {
        var time = new FakeTime();
        var network = new FaultHandler { Answer = (_, number) => number <= 3 ? FaultHandler.Status(HttpStatusCode.ServiceUnavailable) : null };
        using HubClient client = hub.Client(network, options => options with { Time = time });
        Assert.Equal(HubFixture.Llama, (await client.GetRepositoryAsync(HubFixture.Llama)).Repository);
        Assert.Equal([1, 2, 4], time.Waits.Select(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task ServerThatSaysForHowLongItIsDownIsBelieved()
    {
        var time = new FakeTime();
        var notices = new List<HubNotice>();
        var network = new FaultHandler
        {
            Answer = (_, number) =>
            {
                if (number > 1)
                    return null;
                HttpResponseMessage response = FaultHandler.Status(HttpStatusCode.ServiceUnavailable);
                response.Headers.TryAddWithoutValidation("Retry-After", "40");
                return response;
            },
        };
        using HubClient client = hub.Client(network, options => options with { Time = time, Notify = notices.Add });
        await client.GetRepositoryAsync(HubFixture.Llama);
        Assert.Equal([40], time.Waits.Select(wait => wait.TotalSeconds));
        HubNotice notice = Assert.Single(notices);
        Assert.Equal(TimeSpan.FromSeconds(40), notice.Wait);
        Assert.Contains("Waiting 40 s", notice.Message);
    }

    /// <summary>A question of metadata has a patience of its own, HF_HUB_ETAG_TIMEOUT.</summary>
    [Fact]
    public async Task SilentAnswerIsGivenUp()
    {
        using var server = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        server.Start(); // connections wait in its queue, and nobody answers
        var notices = new List<HubNotice>();
        using HubClient client = hub.Client(null, options => options with
        {
            Endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)server.LocalEndpoint).Port}"),
            AnswerTimeout = TimeSpan.FromMilliseconds(50),
            StallTimeout = TimeSpan.FromHours(1),
            CreateHandler = () => new SocketsHttpHandler { UseProxy = false },
            Notify = notices.Add,
        });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("did not answer within 0.05 s", e.Message);
        Assert.Equal([1, 2, 4, 8], notices.Select(notice => notice.Wait.TotalSeconds));
        Assert.All(notices, notice => Assert.Equal(HubNoticeKind.Retry, notice.Kind));
    }

    [Fact]
    public async Task ServerErrorsAreNotTriedForEver()
    {
        var network = new FaultHandler { Answer = (_, _) => FaultHandler.Status(HttpStatusCode.InternalServerError, null, "boom") };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("500: boom", e.Message);
        Assert.Equal(5, network.Requests.Count);
    }

    [Theory]
    [InlineData("RateLimit", "\"api\";r=0;t=55", 56)] // one more than the whole seconds that the hub counts
    [InlineData("RateLimit", "\"pages\";r=7;t=200, \"api\"; r = 0; t = 9", 10)]
    [InlineData("Retry-After", "Thu, 01 Jan 2026 00:00:21 GMT", 21)]
    [InlineData("Retry-After", "7", 7)]
    public async Task RateLimitIsObeyed(string header, string value, int seconds)
    {
        var time = new FakeTime();
        var network = new FaultHandler
        {
            Answer = (_, number) =>
            {
                if (number > 1)
                    return null;
                HttpResponseMessage response = FaultHandler.Status(HttpStatusCode.TooManyRequests);
                response.Headers.TryAddWithoutValidation(header, value);
                return response;
            },
        };
        using HubClient client = hub.Client(network, options => options with { Time = time });
        await client.GetRepositoryAsync(HubFixture.Llama);
        Assert.Equal([seconds], time.Waits.Select(wait => wait.TotalSeconds));
    }

    [Theory]
    [InlineData(3600, 1)]
    [InlineData(10, 4)]
    public async Task RateLimitIsNotObeyedForEver(int seconds, int requests)
    {
        var network = new FaultHandler
        {
            Answer = (_, _) =>
            {
                HttpResponseMessage response = FaultHandler.Status(HttpStatusCode.TooManyRequests);
                response.Headers.TryAddWithoutValidation("RateLimit", $"\"api\";r=0;t={seconds - 1}");
                return response;
            },
        };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Equal(ErrorKind.RateLimited, e.Kind);
        Assert.Contains($"{seconds} s", e.Message);
        Assert.Equal(requests, network.Requests.Count);
    }

    [Fact]
    public async Task SilentBodyIsGivenUp()
    {
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (request.IsContent)
                    response.Content = new StreamContent(new FaultyBody(new byte[1000], 1000, BodyFault.Stall)) { Headers = { ContentRange = new(0, 9999, 10000), ContentLength = 10000 } };
                return Task.CompletedTask;
            },
        };
        using HubClient client = hub.Client(network, options => options with { StallTimeout = TimeSpan.FromSeconds(2) });
        await using Stream stream = await client.OpenRangeAsync(HubFixture.Llama, "main", "model.safetensors", 0, 10000);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => stream.CopyToAsync(Stream.Null));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains(" 2 s", e.Message);
    }

    [Fact]
    public void TokenWithALineBreakIsRefusedAtOnce()
    {
        ModelOpsException e = Assert.Throws<ModelOpsException>(() => hub.Client(null, options => options with { Token = "hf_a\nb" }));
        Assert.Equal(ErrorKind.Unauthorized, e.Kind);
    }

    private static async Task<ErrorKind> Kind<T>(Func<Task<T>> act) => (await Assert.ThrowsAsync<ModelOpsException>(act)).Kind;
}
