using System.Net;
using System.Security.Cryptography;
using ModelOps.Server;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Store;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>A mirror with a hub behind it: fetched once, served to many, and kept.</summary>
public sealed class MirrorTests
{
    private const string Weights = $"{HubFixture.Llama}/resolve/main/model.safetensors";
    private const int Patience = 300_000;
    private static readonly byte[] Content = File.ReadAllBytes(HubFixture.LocalFile(HubFixture.Llama, "model.safetensors"));

    [Fact(Timeout = Patience)]
    public async Task ClientsInstallThroughItAndItKeepsWhatAnInstallWould()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        using var theirs = new TempStore();
        using HubClient client = mirror.Client();
        InstalledModel model = await theirs.Store.InstallAsync(client, await theirs.Store.PlanInstallAsync(client, HubFixture.Gemma));
        TempStore.AssertSameContent(HubFixture.Gemma, model);

        await MirrorFixture.UntilAsync(() => mirror.Store.Store.GetModels().Any(known => known.Bytes >= model.Bytes));
        InstalledModel kept = Assert.Single(mirror.Store.Store.GetModels());
        Assert.Equal((model.Repository, model.Commit, model.Bytes), (kept.Repository, kept.Commit, kept.Bytes));
        Assert.Equal(model.Commit, File.ReadAllText(Path.Combine(mirror.Store.Directory, "models--modelops--demo-gemma-qat", "refs", "main")));
        Assert.Equal(Blobs(theirs), Blobs(mirror.Store));
    }

    [Fact(Timeout = Patience)]
    public async Task ManyClientsAreOneDownload()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        byte[][] answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ => await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync()));
        Assert.All(answers, answer => Assert.Equal(Content, answer));
        await MirrorFixture.UntilAsync(() => mirror.UpstreamContentBytes >= Content.Length);
        Assert.Equal(Content.Length, mirror.UpstreamContentBytes);
        Assert.Single(mirror.Network.Requests, request => request.Address.AbsolutePath.Contains("/revision/"));
    }

    [Fact]
    public async Task BytesAreServedAsTheyArriveTheAskedOnesFirst()
    {
        // The hub gives two parts, and others slowly until the client behind the mirror has what it asked for: were its part not the next, it would not have it before the file is whole.
        long from = 5 * TempStore.PartBytes + 17;
        var served = new TaskCompletionSource();
        int parts = 0;
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(
            change: options => options with { Store = options.Store with { Connections = 1 } },
            upstream: async (context, next) =>
            {
                if (context.Request.Path.StartsWithSegments("/cdn") && Interlocked.Increment(ref parts) > 2)
                    await Task.WhenAny(served.Task, Task.Delay(TimeSpan.FromSeconds(2)));
                await next();
            });
        using HttpResponseMessage answer = await mirror.AskAsync(Weights, range: (from, from + 99));
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal(Content[(int)from..(int)(from + 100)], await answer.Content.ReadAsByteArrayAsync());
        Assert.DoesNotContain(mirror.Store.Finished(), entry => entry.Contains("/blobs/"));
        served.SetResult();
        Assert.Equal(Content, await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync());
        Assert.Contains(mirror.Store.Finished(), entry => entry.EndsWith(Sha256(Content), StringComparison.Ordinal));
    }

    [Fact]
    public async Task WrongBytesAreNeverServedToTheEnd()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(new FaultHandler
        {
            Change = async (request, _, response) =>
            {
                if (!request.IsContent)
                    return;
                byte[] bytes = await response.Content.ReadAsByteArrayAsync();
                bytes[0] ^= 1;
                var changed = new ByteArrayContent(bytes);
                foreach (var header in response.Content.Headers)
                    changed.Headers.TryAddWithoutValidation(header.Key, header.Value);
                response.Content = changed;
            },
        });
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using HttpResponseMessage answer = await mirror.AskAsync(Weights);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync();
        });
        Assert.DoesNotContain(mirror.Store.Finished(), entry => entry.Contains("/blobs/"));
    }

    [Fact]
    public async Task WhatWasSeenIsServedWithoutUpstream()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        using HubClient client = mirror.Client();
        RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Llama);
        IReadOnlyList<RepositoryFile> files = await client.GetFilesAsync(HubFixture.Llama, info.Commit);
        await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync();
        await mirror.StopUpstreamAsync();
        await mirror.RestartAsync();

        using HubClient later = mirror.Client();
        Assert.Equal(info.Commit, (await later.GetRepositoryAsync(HubFixture.Llama)).Commit);
        Assert.Equal(files, await later.GetFilesAsync(HubFixture.Llama, info.Commit));
        Assert.Equal(Content, await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync());
        Assert.Contains(mirror.Remarks, remark => remark.Contains("last known") && remark.Contains(info.Commit[..10]));
        Assert.Equal([HubFixture.Llama], await Names(later));
        // What was never fetched cannot be had now, which is not the client's fault, nor "missing".
        Assert.Equal(HttpStatusCode.BadGateway, (await mirror.AskAsync($"{HubFixture.Llama}/resolve/main/tokenizer.json")).StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, (await mirror.AskAsync($"api/models/{HubFixture.Gemma}")).StatusCode);
    }

    [Fact]
    public async Task OnlyTheMirrorsTokenGoesUpstream()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(change: options => options with { Token = "lan-token" });
        Assert.Equal(HttpStatusCode.Unauthorized, (await mirror.AskAsync(Weights)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await mirror.AskAsync(Weights, token: "lan-tokem")).StatusCode);
        using (HubClient client = mirror.Client("lan-token"))
        {
            RepositoryInfo info = await client.GetRepositoryAsync(HubFixture.Llama);
            await using Stream stream = await client.OpenRangeAsync(HubFixture.Llama, info.Commit, "model.safetensors", 0, 8);
        }
        Assert.NotEmpty(mirror.Network.Requests);
        Assert.All(mirror.Network.Requests, request => Assert.Equal("Bearer hf_mirrors_own", request.Authorization?.ToString()));
    }

    [Theory]
    [InlineData(HttpStatusCode.Forbidden, "GatedRepo", "no access", 403, "GatedRepo")]
    [InlineData(HttpStatusCode.Unauthorized, "RepoNotFound", "no such", 404, "RepoNotFound")]
    [InlineData(HttpStatusCode.NotFound, "RevisionNotFound", "no such", 404, "RevisionNotFound")]
    [InlineData(HttpStatusCode.Forbidden, null, "Access to this resource is disabled.", 403, null)]
    [InlineData(HttpStatusCode.TooManyRequests, null, "slow down", 429, null)]
    [InlineData(HttpStatusCode.ServiceUnavailable, null, "down", 502, null)]
    [InlineData(HttpStatusCode.Unauthorized, null, "Invalid credentials in Authorization header", 502, null)]
    public async Task ErrorOfUpstreamIsPassedOn(HttpStatusCode status, string? code, string message, int expected, string? expectedCode)
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(new FaultHandler
        {
            Answer = (_, _) =>
            {
                HttpResponseMessage response = FaultHandler.Status(status, code, message);
                if (status == HttpStatusCode.TooManyRequests)
                    response.Headers.Add("RateLimit", "\"api\";r=0;t=55");
                return response;
            },
        });
        using HttpResponseMessage answer = await mirror.AskAsync($"api/models/{HubFixture.Llama}/revision/main");
        Assert.Equal(expected, (int)answer.StatusCode);
        Assert.Equal(expectedCode, answer.Headers.TryGetValues("X-Error-Code", out IEnumerable<string>? values) ? values.Single() : null);
        // Never sooner than upstream wants it.
        Assert.InRange(answer.Headers.RetryAfter?.Delta?.TotalSeconds ?? 0, status == HttpStatusCode.TooManyRequests ? 55 : 0, status == HttpStatusCode.TooManyRequests ? 60 : 0);
        if (message.Contains("disabled"))
            Assert.Equal(message, answer.Headers.GetValues("X-Error-Message").Single());
    }

    [Theory]
    [InlineData("\"gated\":\"manual\"", 403, "GatedRepo")]
    [InlineData("\"private\":true", 404, "RepoNotFound")]
    public async Task RestrictedRepositoriesNeedATokenOfTheMirror(string field, int status, string code)
    {
        var network = new FaultHandler { Change = (request, _, response) => Restrict(request, response, field) };
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(network);
        foreach (string path in (string[])[$"api/models/{HubFixture.Llama}", Weights])
        {
            using HttpResponseMessage refused = await mirror.AskAsync(path);
            Assert.Equal((status, code), ((int)refused.StatusCode, refused.Headers.GetValues("X-Error-Code").Single()));
        }
        Assert.Empty(mirror.Store.Finished());

        await mirror.RestartAsync(options => options with { Token = "lan" });
        Assert.Equal(Content, await (await mirror.AskAsync(Weights, token: "lan")).Content.ReadAsByteArrayAsync());
        // Kept by then, and still not for everybody: with upstream or without.
        foreach (bool local in (bool[])[false, true])
        {
            await mirror.RestartAsync(options => options with { Upstream = local ? null : options.Upstream });
            Assert.Equal(status, (int)(await mirror.AskAsync(Weights)).StatusCode);
        }
    }

    [Fact]
    public async Task FullDiskIsSaidAndLosesNothing()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync(change: options => options with
        {
            Store = options.Store with { Transfer = options.Store.Transfer with { FreeBytes = _ => 1000 } },
        });
        using HttpResponseMessage answer = await mirror.AskAsync(Weights);
        Assert.Equal(507, (int)answer.StatusCode);
        Assert.Contains("disk", answer.Headers.GetValues("X-Error-Message").Single());
        await mirror.RestartAsync();
        Assert.Equal(Content, await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task HeadAsksForNothingAndSaysWhatClientsNeed()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        using HttpResponseMessage resolve = await mirror.AskAsync(Weights, HttpMethod.Head, follow: false);
        Assert.Equal(HttpStatusCode.Found, resolve.StatusCode);
        Assert.Equal($"\"{Sha256(Content)}\"", resolve.Headers.GetValues("X-Linked-Etag").Single());
        Assert.DoesNotContain(resolve.Headers, header => header.Key.Contains("Xet", StringComparison.OrdinalIgnoreCase));
        using HttpResponseMessage content = await mirror.AskAsync(resolve.Headers.Location!.PathAndQuery, HttpMethod.Head);
        Assert.Equal((HttpStatusCode.OK, (long?)Content.Length), (content.StatusCode, content.Content.Headers.ContentLength));
        using HttpResponseMessage behind = await mirror.AskAsync(resolve.Headers.Location!.PathAndQuery, range: (Content.Length, Content.Length + 9));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, behind.StatusCode);
        Assert.DoesNotContain(mirror.Network.Requests, request => request.IsContent && request.Range!.Ranges.First().From == Content.Length);
    }

    [Fact]
    public async Task SearchAsksUpstreamAndPagesComeBackHere()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        using HttpResponseMessage page = await mirror.AskAsync("api/models?limit=1");
        string link = page.Headers.GetValues("Link").Single();
        Assert.StartsWith($"<{mirror.Mirror.Endpoint}api/models?", link);
        using HubClient client = mirror.Client();
        Assert.Equal([HubFixture.Gemma, HubFixture.Llama], await Names(client));
        Assert.Empty(mirror.Store.Finished());
    }

    [Fact]
    public async Task EveryRequestIsOneLineWithoutKeys()
    {
        await using MirrorFixture mirror = await MirrorFixture.StartAsync();
        await (await mirror.AskAsync(Weights)).Content.ReadAsByteArrayAsync();
        string[] lines = [.. mirror.Log];
        Assert.Equal(2, lines.Length);
        Assert.Matches($@"\A127\.0\.0\.1 GET /{Weights} 302 0 \d+\z", lines[0]);
        Assert.Matches($@"\A127\.0\.0\.1 GET /cdn/[0-9a-f]{{40}}/{Sha256(Content)}/{HubFixture.Llama} 200 {Content.Length} \d+\z", lines[1]);
    }

    [Fact]
    public async Task ItsOwnUpstreamIsRefused()
    {
        using var store = new TempStore();
        int port = FreePort();
        var options = new MirrorOptions { Store = store.Store.Options, Url = $"http://127.0.0.1:{port}", Upstream = new HubOptions { Endpoint = new Uri($"http://localhost:{port}") } };
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => HubServer.StartAsync(options))).Kind);
    }

    private static async Task Restrict(SentRequest request, HttpResponseMessage response, string field)
    {
        if (!request.Address.AbsolutePath.Contains("/revision/"))
            return;
        string text = await response.Content.ReadAsStringAsync();
        response.Content = new StringContent(text.Replace("\"private\":false", "\"private\":false".Replace(field.Contains("private") ? "false" : "#", "true")).Replace("\"gated\":false", field.Contains("gated") ? field : "\"gated\":false"));
    }

    private static async Task<string[]> Names(HubClient client)
    {
        var names = new List<string>();
        await foreach (ModelSummary model in client.SearchAsync(new ModelQuery { Limit = 0 }))
            names.Add(model.Repository);
        return [.. names.Order(StringComparer.Ordinal)];
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string[] Blobs(TempStore store) => [.. store.Entries().Where(entry => entry.Contains("/blobs/"))];

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
