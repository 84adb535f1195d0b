using System.Net.Sockets;
using System.Text;
using ModelOps.Server.Inference;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>Who is let in.</summary>
public sealed class AccessTests
{
    private const string Key = "sk-secret-1";
    private readonly FakeEngine _engine = new();

    [Fact]
    public async Task OnlyAKeyOpensWhatCostsSomething()
    {
        var log = new List<string>();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Keys = ["sk-other", Key], AccessLog = log.Add, Remark = log.Add });

        Assert.Equal((401, "missing_api_key", null), (await server.ChatAsync()).Error);
        Assert.Equal((401, "invalid_api_key", null), (await server.ChatAsync(key: "sk-secret-2")).Error);
        Assert.Equal("Hello there", (await server.ChatAsync(key: Key)).Content);
        foreach (string path in (string[])["/v1/models", "/metrics", "/status", "/v1/nonsense"])
            Assert.Equal(401, (int)(await server.GetAsync(path)).Status);
        foreach (string path in (string[])["/health", "/", "/page.js", "/page.css"])
            Assert.Equal(200, (int)(await server.GetAsync(path)).Status);
        Assert.Equal(200, (int)(await server.GetAsync("/v1/models", Key)).Status);
        Assert.Equal((404, "unknown_url", null), (await server.GetAsync("/v1/nonsense.json", Key)).Error);
        Assert.NotEmpty(log);
        Assert.DoesNotContain(log, line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("localhost", 200)]
    [InlineData("127.0.0.1:9999", 200)]
    [InlineData("[::1]", 200)]
    [InlineData("evil.example", 403)]
    [InlineData("127.0.0.1.evil.example", 403)]
    [InlineData("10.0.0.1", 403)]
    public async Task OnLoopbackTheNameMustBeLoopbacks(string host, int status)
    {
        await using TestServer server = await TestServer.StartAsync(_engine);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { Host = host } };
        Assert.Equal(status, (int)(await server.SendAsync(request, null, default)).Status);
    }

    [Fact]
    public async Task PagesOfOtherOriginsAreKeptOutUnlessTheyAreNamed()
    {
        const string Friend = "https://chat.example.com";
        await using TestServer closed = await TestServer.StartAsync(_engine);
        await using TestServer open = await TestServer.StartAsync(_engine, options => options with { Origins = [Friend], Keys = [Key] });

        Assert.Equal((403, "origin_not_allowed", null), (await AskAsync(closed, HttpMethod.Post, Friend)).Error);
        Assert.Equal((403, "origin_not_allowed", null), (await AskAsync(closed, HttpMethod.Post, "null")).Error);
        Assert.Equal(200, (int)(await AskAsync(closed, HttpMethod.Post, closed.Server.Endpoint.GetLeftPart(UriPartial.Authority))).Status);
        Assert.Equal((403, "origin_not_allowed", null), (await AskAsync(open, HttpMethod.Post, "https://chat.example.com.evil.example")).Error);
        Answer preflight = await AskAsync(open, HttpMethod.Options, Friend);
        Assert.Equal((204, Friend, "authorization, x-stainless-os"), ((int)preflight.Status, preflight.Headers["Access-Control-Allow-Origin"], preflight.Headers["Access-Control-Allow-Headers"]));
        // The key is asked for all the same.
        Assert.Equal(401, (int)(await AskAsync(open, HttpMethod.Post, Friend)).Status);
        Answer asked = await AskAsync(open, HttpMethod.Post, Friend, Key);
        Assert.Equal((200, Friend), ((int)asked.Status, asked.Headers["Access-Control-Allow-Origin"]));

        static async Task<Answer> AskAsync(TestServer server, HttpMethod method, string origin, string? key = null)
        {
            using var request = new HttpRequestMessage(method, "/v1/chat/completions") { Headers = { { "Origin", origin } } };
            if (method == HttpMethod.Post)
                request.Content = new StringContent("""{"model":"one","messages":[{"role":"user","content":"a"}]}""");
            else
            {
                request.Headers.Add("Access-Control-Request-Method", "POST");
                request.Headers.Add("Access-Control-Request-Headers", "authorization, x-stainless-os");
            }
            return await server.SendAsync(request, key, default);
        }
    }

    [Fact]
    public async Task AnOpenAddressNeedsAKey()
    {
        ModelOpsException open = await Assert.ThrowsAsync<ModelOpsException>(() => InferenceServer.StartAsync(TestServer.Options(_engine) with { Url = "http://0.0.0.0:0" }));
        ModelOpsException empty = await Assert.ThrowsAsync<ModelOpsException>(() => InferenceServer.StartAsync(TestServer.Options(_engine) with { Keys = [""] }));
        ModelOpsException twice = await Assert.ThrowsAsync<ModelOpsException>(() => InferenceServer.StartAsync(TestServer.Options(_engine) with { Models = [new("a", "x"), new("a", "y")] }));
        Assert.Equal([ErrorKind.InvalidArgument, ErrorKind.InvalidArgument, ErrorKind.InvalidArgument], [open.Kind, empty.Kind, twice.Kind]);
        await using InferenceServer server = await InferenceServer.StartAsync(TestServer.Options(_engine) with { Url = "http://0.0.0.0:0", Keys = [Key] });
    }

    [Fact]
    public async Task AHugeBodyIsRefusedAndALongPromptToo()
    {
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { MaxBodyBytes = 20_000, MaxPromptLength = 1000 });
        Assert.Equal((413, "request_too_large", null), (await server.ChatAsync(new string('a', 30_000))).Error);
        Assert.Equal((400, "prompt_too_long", "messages"), (await server.ChatAsync(new string('a', 1001))).Error);
        Assert.Equal(200, (int)(await server.ChatAsync(new string('a', 1000))).Status);
        const string refused = "HTTP/1.1 413 Payload Too Large";
        // One that does not say how long it is; one that sends all of it before it reads a word; one without end; one that asks first.
        Assert.Equal(refused, await FirstLineAsync("Transfer-Encoding: chunked", "7530\r\n" + new string(' ', 30_000) + "\r\n0\r\n\r\n"));
        Assert.Equal(refused, await FirstLineAsync("Content-Length: 70000", new string(' ', 70_000)));
        Assert.Equal(refused, await FirstLineAsync("Transfer-Encoding: chunked", "15F90\r\n" + new string(' ', 90_000)));
        Assert.Equal(refused, await FirstLineAsync("Content-Length: 30000\r\nExpect: 100-continue", ""));

        async Task<string?> FirstLineAsync(string header, string body)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(server.Server.Endpoint.Host, server.Server.Endpoint.Port);
            NetworkStream stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n{body}"));
            using var reader = new StreamReader(stream);
            return await reader.ReadLineAsync();
        }
    }

    [Fact]
    public async Task ThePageLoadsNothingFromElsewhere()
    {
        await using TestServer server = await TestServer.StartAsync(_engine);
        Answer page = await server.GetAsync("/");
        using HttpResponseMessage response = await server.Client.GetAsync("/");
        Assert.Equal("text/html", response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("default-src 'none'; script-src 'self';", page.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.Equal("nosniff", page.Headers["X-Content-Type-Options"]);
        foreach (string path in (string[])["/", "/page.css", "/page.js"])
            Assert.DoesNotContain("//", (await server.GetAsync(path)).Text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal).ReplaceLineEndings("\n").Split('\n').Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)).Aggregate("", (all, line) => all + line + "\n"), StringComparison.Ordinal);
    }
}
