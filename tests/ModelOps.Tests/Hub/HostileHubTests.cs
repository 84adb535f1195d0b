using System.Net;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>Hubs and proxies that say what they should not, and secrets that must not come out.</summary>
public sealed class HostileHubTests(HubFixture hub) : IClassFixture<HubFixture>
{
    private const string Commit = "0123456789012345678901234567890123456789";

    [Theory]
    [InlineData("""[{"type":"file","path":"a","size":9000000000000000000,"oid":"OID"},{"type":"file","path":"b","size":9000000000000000000,"oid":"OID"}]""")]
    [InlineData("""[{"type":"file","path":"a","size":1,"oid":"OID"},{"type":"file","path":"a","size":2,"oid":"OID"}]""")]
    public async Task TreeThatCannotBeIsRefused(string tree)
    {
        var network = new FaultHandler { Answer = (_, _) => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(tree.Replace("OID", Commit, StringComparison.Ordinal)) } };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetFilesAsync("o/r", Commit));
        Assert.Equal(ErrorKind.NetworkFailure, e.Kind);
        Assert.Contains("not a hub's", e.Message);
    }

    [Fact]
    public async Task NextPageElsewhereThanTheWebIsRefused()
    {
        var network = new FaultHandler
        {
            Answer = (_, _) =>
            {
                var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("[]") };
                answer.Headers.TryAddWithoutValidation("Link", "<ftp://hub.invalid/x>; rel=\"next\"");
                return answer;
            },
        };
        using HubClient client = hub.Client(network);
        Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => client.GetFilesAsync("o/r", Commit))).Kind);
    }

    [Fact]
    public async Task RedirectToNoAddressIsRefused()
    {
        using var raw = new RawHub(_ => RawHub.Answer("302 Found", "", "Location: //"));
        using var client = new HubClient(new HubOptions { Endpoint = new Uri(raw.Endpoint) });
        Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync("o/r"))).Kind);
    }

    [Fact]
    public async Task WordsOfAServerAreNoCommandsToTheTerminal()
    {
        var network = new FaultHandler { Answer = (_, _) => new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StringContent("{\"error\":\"no\\u001b[2J\\u0007\\nway\"}") } };
        using HubClient client = hub.Client(network);
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync("o/r"));
        Assert.Contains("no [2J way", e.Message);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    [Fact]
    public async Task PasswordOfTheProxyIsNotTold()
    {
        using var proxy = new RawHub(_ => RawHub.Answer("403 Forbidden"));
        var address = new Uri($"http://bob:s3cret@127.0.0.1:{proxy.Port}");
        using HubClient client = hub.Client(null, options => options with { Endpoint = new Uri("https://hub.invalid"), CreateHandler = () => new SocketsHttpHandler { Proxy = new WebProxy(address) } });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync("o/r"));
        Assert.Contains("the proxy refused (status 403)", e.Message);
        Assert.DoesNotContain("s3cret", e.ToString());
    }

    [Fact]
    public void TokenIsNotPartOfTheText() => Assert.DoesNotContain("hf_secret", new HubOptions { Endpoint = new Uri("https://hub.invalid"), Token = "hf_secret" }.ToString());
}
