using System.Net.Sockets;
using System.Text;
using ModelOps.Tests.Hub;
using Xunit;
using static ModelOps.Tests.Remote.RawEndpoint;

namespace ModelOps.Tests.Remote;

/// <summary>What goes wrong between here and a server, and what becomes of keys meanwhile.</summary>
public sealed class EndpointFaultTests
{
    private const string Key = "sk-very-secret-0123456789";

    private readonly FakeTime _time = new();
    private readonly List<string> _notices = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private EndpointOptions Options(RawEndpoint server) => new() { Address = server.Address, Model = "m", ApiKey = Key, Time = _time, Notify = notice => { lock (_notices) { _notices.Add(notice); } } };

    private async Task<ModelOpsException> FailAsync(RawEndpoint server, Func<EndpointOptions, EndpointOptions>? change = null, IProgress<GeneratedToken>? progress = null)
    {
        using OpenAiEndpoint endpoint = new(change?.Invoke(Options(server)) ?? Options(server));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, progress, Stop));
        Assert.DoesNotContain(Key, $"{error} {string.Join(' ', _notices)}", StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
        return error;
    }

    [Theory]
    [InlineData("401 Unauthorized", """{"error":{"message":"Incorrect API key provided: sk-very-secret-0123456789.","code":"invalid_api_key"}}""", ErrorKind.Unauthorized, 4)]
    [InlineData("403 Forbidden", "", ErrorKind.Unauthorized, 4)]
    [InlineData("404 Not Found", """{"error":{"message":"no such model","code":"model_not_found"}}""", ErrorKind.ModelNotFound, 3)]
    [InlineData("404 Not Found", """{"detail":"Not Found"}""", ErrorKind.ModelNotFound, 3)]
    [InlineData("400 Bad Request", """{"error":{"message":"Unknown parameter: 'top_k'.","type":"invalid_request_error"}}""", ErrorKind.InvalidArgument, 2)]
    [InlineData("400 Bad Request", """{"object":"error","message":"too long","code":"context_length_exceeded"}""", ErrorKind.ContextFull, 1)]
    [InlineData("422 Unprocessable", """{"detail":[{"loc":["body"],"msg":"bad"}]}""", ErrorKind.InvalidArgument, 2)]
    [InlineData("429 Too Many Requests", """{"error":{"message":"no credit","code":"insufficient_quota"}}""", ErrorKind.RateLimited, 7)]
    public async Task ARefusalIsAnErrorAtOnce(string status, string body, ErrorKind kind, int exitCode)
    {
        using RawEndpoint server = new(_ => Answer(status, body));
        ModelOpsException error = await FailAsync(server);
        Assert.Equal((kind, exitCode), (error.Kind, error.Kind.ExitCode()));
        Assert.Single(server.Calls);
        Assert.Contains(server.Address.Authority, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("429 Too Many Requests", ErrorKind.RateLimited)]
    [InlineData("500 Internal Server Error", ErrorKind.NetworkFailure)]
    [InlineData("502 Bad Gateway", ErrorKind.NetworkFailure)]
    [InlineData("503 Service Unavailable", ErrorKind.NetworkFailure)]
    public async Task ABusyServerIsAskedAgainAfterGrowingWaits(string status, ErrorKind kind)
    {
        using RawEndpoint server = new(_ => Answer(status, "<html>busy</html>", "text/html"));
        ModelOpsException error = await FailAsync(server, options => options with { Jitter = () => 1 });
        Assert.Equal((kind, 7), (error.Kind, error.Kind.ExitCode()));
        Assert.Equal(5, server.Calls.Count);
        Assert.Equal([0.5, 1, 2, 4], _time.Waits.Select(wait => wait.TotalSeconds));
        Assert.Equal(4, _notices.Count);
        Assert.DoesNotContain("html", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HalfOfAWaitIsChance()
    {
        Random random = new(3);
        using RawEndpoint server = new(_ => Answer("503 Busy", ""));
        for (int i = 0; i < 20; i++)
        {
            await FailAsync(server, options => options with { Attempts = 2, Jitter = random.NextDouble });
        }
        Assert.All(_time.Waits, wait => Assert.InRange(wait.TotalSeconds, 0.25, 0.5));
        Assert.True(_time.Waits.Distinct().Count() > 15);
    }

    [Fact]
    public async Task AServerThatSaysWhenIsAskedThen()
    {
        int calls = 0;
        using RawEndpoint server = new(_ => ++calls < 3 ? Answer("429 Too Many Requests", "", headers: "Retry-After: 7") : ChatAnswer());
        using OpenAiEndpoint endpoint = new(Options(server));
        Assert.Equal("hello", (await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop)).Text);
        Assert.Equal([7d, 7d], _time.Waits.Select(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task AWaitOfHoursIsNotWaitedFor()
    {
        using RawEndpoint server = new(_ => Answer("429 Too Many Requests", "", headers: "Retry-After: 7200"));
        Assert.Equal(ErrorKind.RateLimited, (await FailAsync(server)).Kind);
        Assert.Empty(_time.Waits);
    }

    [Fact]
    public async Task NobodyThereIsTriedAndThenSaid()
    {
        RawEndpoint server = new(_ => ChatAnswer());
        server.Dispose();
        ModelOpsException error = await FailAsync(server);
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Equal(4, _time.Waits.Count);
        Assert.Contains("refused", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("HF_ENDPOINT", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyPromptsDoNotWaitForAServerThatIsNotThere()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        RawEndpoint gone = new(_ => ChatAnswer());
        gone.Dispose();
        using Detour detour = new() { To = gone.Address };
        Clock clock = new();
        using OpenAiEndpoint endpoint = new(Options(server) with { CreateHandler = () => detour, Time = clock });

        // The first tries five times; who comes at once is told the same; who comes later tries once.
        foreach (int tries in (int[])[5, 5, 5])
        {
            await FailAsync(tries);
        }
        clock.Now += TimeSpan.FromSeconds(2);
        await FailAsync(6);
        await FailAsync(6);
        Assert.Equal(4, clock.Waits);

        // When it is there again it is as if nothing had been.
        detour.To = server.Address;
        clock.Now += TimeSpan.FromSeconds(2);
        Assert.Equal("hello", (await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop)).Text);
        detour.To = gone.Address;
        await FailAsync(12);

        async Task FailAsync(int tries)
        {
            ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop));
            Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
            Assert.Contains("refused", error.Message, StringComparison.Ordinal);
            Assert.Equal(tries, detour.Tries);
        }
    }

    /// <summary>Stands still unless it is told; whoever waits has waited.</summary>
    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public int Waits { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits++;
            return System.CreateTimer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Leads requests to another port of this machine.</summary>
    private sealed class Detour() : DelegatingHandler(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
    {
        public required Uri To { get; set; }

        public int Tries { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Tries++;
            request.RequestUri = new Uri(To, request.RequestUri!.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }
    }

    [Fact]
    public async Task AnAnswerThatBrokeIsAskedForAgainOnlyWhileNobodyHasSeenIt()
    {
        int calls = 0;
        Task Break(RawCall call, Stream stream)
        {
            string text = ++calls == 1 ? StreamHead + $"data: {Delta("""{"content":"half"}""")}\n\n" : ChatAnswer("whole");
            Task sent = stream.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();
            // The first connection is reset, not closed.
            return calls == 1 ? sent.ContinueWith(_ => ((NetworkStream)stream).Socket.LingerState = new LingerOption(true, 0), TaskScheduler.Default) : sent;
        }
        using (RawEndpoint server = new(Break))
        {
            using OpenAiEndpoint endpoint = new(Options(server));
            Assert.Equal("whole", (await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop)).Text);
            Assert.Equal(2, server.Calls.Count);
        }
        calls = 0;
        using (RawEndpoint server = new(Break))
        {
            List<string> seen = [];
            ModelOpsException error = await FailAsync(server, progress: new OpenAiEndpointTests.Receiver(token => seen.Add(token.Text)));
            // A reset may overtake what was sent before it; what was seen is never asked for again.
            Assert.True(error.Kind == ErrorKind.NetworkFailure && seen is ["half"] && server.Calls.Count == 1);
        }
    }

    [Fact]
    public async Task AStreamThatEndsWithoutAnEndIsBroken()
    {
        using RawEndpoint server = new(_ => Events(Delta("""{"content":"half"}""")));
        Assert.Equal(ErrorKind.NetworkFailure, (await FailAsync(server)).Kind);
        Assert.Equal(5, server.Calls.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SilenceEnds(bool begins)
    {
        using CancellationTokenSource end = new();
        using RawEndpoint server = new(async (_, stream) =>
        {
            if (begins)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(StreamHead + $"data: {Delta("""{"content":"half"}""")}\n\n"), end.Token);
            }
            await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        ModelOpsException error = await FailAsync(server, options => options with { StallTimeout = TimeSpan.FromMilliseconds(200) });
        await end.CancelAsync();
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Contains("silent", error.Message, StringComparison.Ordinal);
        // It may still be at work: it is not asked twice.
        Assert.Empty(_time.Waits);
    }

    [Fact]
    public async Task CancellationEndsTheRequestAtTheServer()
    {
        using CancellationTokenSource stop = new();
        using RawEndpoint server = new(async (_, stream) =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(StreamHead));
            while (true)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"data: {Delta("""{"content":"more "}""")}\n\n"));
                await Task.Delay(5);
            }
        });
        using OpenAiEndpoint endpoint = new(Options(server));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, new OpenAiEndpointTests.Receiver(_ => stop.Cancel()), stop.Token));
        await server.Gone.Task.WaitAsync(TimeSpan.FromMinutes(1), Stop);
        Assert.Single(server.Calls);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{\"choices\":7}")]
    [InlineData("{\"choices\":[[]]}")]
    [InlineData("{\"choices\":[{\"delta\":{\"content\":7}}]}")]
    [InlineData("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":\"x\"}]}}]}")]
    [InlineData("{\"choices\":[{\"delta\":\"text\"}]}")]
    [InlineData("{\"model\":{}}")]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"index":1.5}]}}]}""")]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"index":99999999999}]}}]}""")]
    [InlineData("""{"choices":[{"delta":{"content":"\ud800"}}]}""")]
    [InlineData("""{"error":{"message":"\ud800"}}""")]
    public async Task WhatIsNotOfTheProtocolIsSaidToBeSo(string piece)
    {
        using RawEndpoint server = new(_ => Events(piece, "[DONE]"));
        ModelOpsException error = await FailAsync(server);
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Contains("protocol", error.Message, StringComparison.Ordinal);
        Assert.Single(server.Calls);
    }

    [Fact]
    public async Task AnErrorInAStreamIsAnError()
    {
        using RawEndpoint server = new(_ => Events(Delta("""{"content":"so far"}"""), """{"error":{"message":"prompt too long","code":400}}"""));
        Assert.Equal(ErrorKind.InvalidArgument, (await FailAsync(server)).Kind);
        Assert.Single(server.Calls);
    }

    [Fact]
    public async Task ALineWithoutEndIsNotReadForever()
    {
        using RawEndpoint server = new(async (_, stream) =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(StreamHead + "data: "));
            byte[] much = new byte[1 << 16];
            Array.Fill(much, (byte)'x');
            while (true)
            {
                await stream.WriteAsync(much);
            }
        });
        ModelOpsException error = await FailAsync(server, options => options with { MostBytes = 1 << 20 });
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        await server.Gone.Task.WaitAsync(TimeSpan.FromMinutes(1), Stop);
    }

    [Fact]
    public async Task AnAnswerWithoutEndIsNotReadForever()
    {
        string piece = $"data: {Delta($$"""{"content":"{{new string('x', 1 << 16)}}"}""")}\n\n";
        using RawEndpoint server = new(async (_, stream) =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(StreamHead));
            while (true)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(piece));
            }
        });
        Assert.Equal(ErrorKind.NetworkFailure, (await FailAsync(server, options => options with { MostBytes = 1 << 20 })).Kind);
    }

    [Fact]
    public async Task EventsAreReadAsTheStandardHasThem()
    {
        string[] lines = [": a comment", "event: x", "id: 1", $"data:{Delta("""{"content":"a"}""")}", "", "data: {\"choices\":[{\"delta\":", "data: {\"content\":\"b\"}}]}", "", "", $"data: {Delta("{}", "stop")}", "", "data: [DONE]", ""];
        // One byte at a time, with both ends of lines, after a byte order mark.
        foreach (string end in (string[])["\n", "\r\n"])
        {
            using RawEndpoint server = new(async (_, stream) =>
            {
                ((NetworkStream)stream).Socket.NoDelay = true;
                foreach (byte one in Encoding.UTF8.GetBytes(StreamHead + "\uFEFF" + string.Join(end, lines) + end))
                {
                    await stream.WriteAsync(new[] { one });
                }
            });
            using OpenAiEndpoint endpoint = new(Options(server));
            Assert.Equal("ab", (await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop)).Text);
        }
    }

    [Fact]
    public async Task AKeyGoesToTheServerAndFollowsNoRedirectElsewhere()
    {
        using RawEndpoint other = new(_ => ChatAnswer());
        int calls = 0;
        using RawEndpoint server = new(call => ++calls == 1 ? Answer("307 Temporary Redirect", "", headers: "Location: /v1/elsewhere") : call.Path == "/v1/elsewhere" ? ChatAnswer()
            : Answer("307 Temporary Redirect", "", headers: $"Location: {other.Address}v1/chat/completions"));
        using (OpenAiEndpoint endpoint = new(Options(server)))
        {
            Assert.Equal("hello", (await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop)).Text);
        }
        Assert.All(server.Calls, call => Assert.Equal($"Bearer {Key}", call.Headers["authorization"]));
        ModelOpsException error = await FailAsync(server);
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Contains(other.Address.Authority, error.Message, StringComparison.Ordinal);
        Assert.Empty(other.Calls);
        Assert.DoesNotContain(Key, Options(server).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AKeyOverPlainHttpToAnotherMachineIsWarnedOf()
    {
        void Open(string address, string? key)
        {
            _notices.Clear();
            new OpenAiEndpoint(new EndpointOptions { Address = new Uri(address), ApiKey = key, Notify = _notices.Add }).Dispose();
        }
        Open("http://models.example:8000", Key);
        Assert.Contains("unencrypted", Assert.Single(_notices), StringComparison.Ordinal);
        Assert.DoesNotContain(Key, _notices[0], StringComparison.Ordinal);
        Open("https://models.example", Key);
        Assert.Empty(_notices);
        Open("http://127.0.0.1:8000", Key);
        Assert.Empty(_notices);
        Open("http://models.example:8000", null);
        Assert.Empty(_notices);
        Assert.Equal(ErrorKind.Unauthorized, Assert.Throws<ModelOpsException>(() => Open("https://h", "a b")).Kind);
    }

    [Theory]
    [InlineData("""{"data":[{"index":0,"embedding":[1,2]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1,2]},{"index":5,"embedding":[1,2]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":[1e99]},{"index":1,"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0,"embedding":"AAAA"},{"index":1,"embedding":"AAAA"}]}""")]
    [InlineData("""{"vectors":[]}""")]
    [InlineData("<html>")]
    public async Task VectorsThatDoNotBelongToTheTextsAreRefused(string body)
    {
        using RawEndpoint server = new(_ => Answer("200 OK", body));
        using OpenAiEndpoint endpoint = new(Options(server));
        Assert.Equal(ErrorKind.NetworkFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.EmbedAsync(new EmbeddingRequest { Texts = ["a", "b"] }, Stop))).Kind);
    }

    [Fact]
    public async Task ManyAskAtOnceAndEachGetsItsOwnAnswer()
    {
        using SemaphoreSlim all = new(0);
        int arrived = 0;
        using RawEndpoint server = new(async (call, stream) =>
        {
            // None is answered before all have come.
            if (Interlocked.Increment(ref arrived) == 32)
            {
                all.Release(32);
            }
            await all.WaitAsync();
            await stream.WriteAsync(Encoding.UTF8.GetBytes(ChatAnswer(call.Json.GetProperty("messages")[0].GetProperty("content").GetString()!)));
        });
        using OpenAiEndpoint endpoint = new(Options(server));
        GenerationResult[] results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => endpoint.GenerateAsync(new GenerationRequest { Prompt = $"prompt {i}" }, null, Stop)));
        Assert.Equal(Enumerable.Range(0, 32).Select(i => $"prompt {i}"), results.Select(result => result.Text));
    }
}
