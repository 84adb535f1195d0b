using System.Net;
using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>The token stays with the endpoint's host.</summary>
public sealed class TokenTests(HubFixture hub) : IClassFixture<HubFixture>
{
    [Fact]
    public async Task TokenIsNotSentToAnotherHost()
    {
        // The same server under two names: the endpoint is 127.0.0.1, its redirects go to localhost.
        var network = new FaultHandler
        {
            Change = (_, _, response) =>
            {
                if (response.Headers.Location is { } location)
                    response.Headers.Location = new UriBuilder(location) { Host = "localhost" }.Uri;
                return Task.CompletedTask;
            },
        };
        using HubClient client = hub.Client(network, options => options with { Token = "hf_secret" });
        await using Stream stream = await client.OpenRangeAsync(HubFixture.Llama, "main", "model.safetensors", 0, 10);
        Assert.Equal(10, await stream.ReadAtLeastAsync(new byte[10], 10));

        Assert.Equal(["127.0.0.1", "localhost"], network.Requests.Select(request => request.Address.Host));
        Assert.Equal(["hf_secret", null], network.Requests.Select(request => request.Authorization?.Parameter));
    }

    [Theory]
    [InlineData("http://127.0.0.1:9/x")]
    [InlineData("https://127.0.0.1/x")]
    public async Task AnotherPortOrSchemeIsAnotherHost(string target)
    {
        var network = new FaultHandler
        {
            Answer = (request, number) => number == 1
                ? new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri(target) } }
                : FaultHandler.Status(HttpStatusCode.NotFound),
        };
        using HubClient client = hub.Client(network, options => options with { Token = "hf_secret" });
        await Assert.ThrowsAsync<ModelOpsException>(() => client.OpenRangeAsync(HubFixture.Llama, "main", "model.safetensors", 0, 10));
        Assert.Equal(["hf_secret", null], network.Requests.Select(request => request.Authorization?.Parameter));
    }

    [Fact]
    public async Task RenamedRepositoryIsFollowedWithTheToken()
    {
        var network = new FaultHandler
        {
            Answer = (request, _) => request.Address.AbsolutePath.StartsWith("/api/models/old/name", StringComparison.Ordinal)
                ? new HttpResponseMessage(HttpStatusCode.TemporaryRedirect) { Headers = { Location = new Uri($"/api/models/{HubFixture.Llama}", UriKind.Relative) } }
                : null,
        };
        using HubClient client = hub.Client(network, options => options with { Token = "hf_secret" });
        Assert.Equal(HubFixture.Llama, (await client.GetRepositoryAsync("old/name")).Repository);
        Assert.All(network.Requests, request => Assert.Equal("hf_secret", request.Authorization?.Parameter));
    }

    [Fact]
    public async Task SecureHubDoesNotRedirectToPlainHttp()
    {
        var network = new FaultHandler { Answer = (_, _) => new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri("http://hub.example/x") } } };
        using HubClient client = hub.Client(network, options => options with { Endpoint = new Uri("https://hub.example"), Token = "hf_secret" });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.GetRepositoryAsync(HubFixture.Llama));
        Assert.Contains("not secure", e.Message);
        Assert.Single(network.Requests);
    }

    /// <summary>Pages of a search and names in an address lead elsewhere as well; what is in the address of a redirect is no credential of ours.</summary>
    [Theory]
    [InlineData("http://evil.example/api/models?cursor=2")]
    [InlineData("http://127.0.0.1:9/api/models?cursor=2")]
    public async Task NextPageOfAnotherHostGetsNoToken(string next)
    {
        var network = new FaultHandler
        {
            Answer = (_, number) => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("[]"), Headers = { { "Link", number == 1 ? $"<{next}>; rel=\"next\"" : "<x>; rel=\"prev\"" } } },
        };
        using HubClient client = hub.Client(network, options => options with { Token = "hf_secret" });
        Assert.Equal(0, await client.SearchAsync(new ModelQuery { Limit = 0 }).CountAsync());
        Assert.Equal(["hf_secret", null], network.Requests.Select(request => request.Authorization?.Parameter));
    }

    [Theory]
    [InlineData("http://hub.example@evil.example/x", null)]
    [InlineData("http://user:pw@127.0.0.1:9/x", null)]
    public async Task NamesInARedirectAreDropped(string target, string? token)
    {
        var network = new FaultHandler { Answer = (_, number) => number == 1 ? new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri(target) } } : FaultHandler.Status(HttpStatusCode.BadRequest) };
        using HubClient client = hub.Client(network, options => options with { Token = "hf_secret" });
        ModelOpsException e = await Assert.ThrowsAsync<ModelOpsException>(() => client.OpenRangeAsync(HubFixture.Llama, "main", "model.safetensors", 0, 10));
        SentRequest redirected = network.Requests.Last();
        Assert.Equal(("", token), (redirected.Address.UserInfo, redirected.Authorization?.Parameter));
        Assert.DoesNotContain("pw", e.ToString());
    }

    [Theory]
    [InlineData("http://user:pw@hub.example")]
    [InlineData("https://pw@hub.example/mirror")]
    [InlineData("user:pw@hub.example")]
    [InlineData("ftp://user:pw@hub.example")]
    public void CredentialsInTheEndpointAreRefusedAndNotRepeated(string endpoint)
    {
        ModelOpsException e = Assert.Throws<ModelOpsException>(() => HubOptions.FromEnvironment(name => name == "HF_ENDPOINT" ? endpoint : null));
        Assert.Equal(ErrorKind.InvalidArgument, e.Kind);
        Assert.DoesNotContain("pw", e.ToString());
        if (Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address))
            Assert.DoesNotContain("pw", Assert.Throws<ModelOpsException>(() => new HubOptions { Endpoint = new Uri("https://hub.example") }.WithEndpoint(address)).ToString());
    }

    [Fact]
    public async Task ServerWithATokenTellsAMissingOneFromAWrongOne()
    {
        await using HubServer server = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub, Token = "hf_right" });
        async Task<ErrorKind?> Ask(string? token)
        {
            using var client = new HubClient(new HubOptions { Endpoint = server.Endpoint, Token = token });
            try
            {
                await using Stream stream = await client.OpenRangeAsync(HubFixture.Llama, "main", "model.safetensors", 0, 10);
                return null;
            }
            catch (ModelOpsException e)
            {
                return e.Kind;
            }
        }
        Assert.Null(await Ask("hf_right"));
        Assert.Equal(ErrorKind.Unauthorized, await Ask("hf_wrong"));
        Assert.Equal(ErrorKind.PrivateRepository, await Ask(null));
    }
}
