using System.Text;
using System.Text.Json;
using ModelOps.Tests.Hub;
using Xunit;
using static ModelOps.Tests.Remote.RawEndpoint;

namespace ModelOps.Tests.Remote;

/// <summary>Requests and answers, held to what OpenAI's, llama-server's and vLLM's documentation has.</summary>
public sealed class OpenAiEndpointTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static OpenAiEndpoint Open(RawEndpoint server, string? model = "m") => new(new EndpointOptions { Address = server.Address, Model = model, Time = new FakeTime() });

    [Fact]
    public async Task EverythingThatIsAskedForStandsInTheRequest()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        using OpenAiEndpoint endpoint = Open(server);
        await endpoint.GenerateAsync(new GenerationRequest
        {
            Messages =
            [
                new("system", "s"), new("user", "u") { Name = "n" },
                new("assistant", "") { Reasoning = "r", ToolCalls = [new ToolCall("c1", "f", """{"x":1}""")] }, new("tool", "42") { ToolCallId = "c1", Name = "f" },
            ],
            MaxTokens = 9,
            Stop = ["a", "b"],
            Temperature = 0.5f,
            TopP = 0.25f,
            TopK = 5,
            MinP = 0.125f,
            TypicalP = 0.75f,
            TopNSigma = 2,
            XtcProbability = 0.5f,
            XtcThreshold = 0.25f,
            DryMultiplier = 1,
            DryBase = 2,
            DryAllowedLength = 3,
            RepeatPenalty = 1.5f,
            RepeatLastN = 32,
            FrequencyPenalty = 0.5f,
            PresencePenalty = -0.5f,
            Mirostat = 2,
            MirostatTau = 4,
            MirostatEta = 0.5f,
            LogitBias = new Dictionary<int, float> { [3] = 1.5f, [4] = float.NegativeInfinity },
            Seed = 4_000_000_000,
            Thinking = false,
            Tools = [new ToolDefinition("f", "does", """{"type":"object"}""")],
        }, null, Stop);

        RawCall call = Assert.Single(server.Calls);
        Assert.Equal("POST /v1/chat/completions HTTP/1.1", call.Line);
        Assert.Equal(JsonElement.Parse("""
            {
              "model": "m", "max_tokens": 9, "stream": true, "stream_options": { "include_usage": true },
              "messages": [
                { "role": "system", "content": "s" }, { "role": "user", "content": "u", "name": "n" },
                { "role": "assistant", "content": "", "reasoning_content": "r", "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"x\":1}" } }] },
                { "role": "tool", "content": "42", "name": "f", "tool_call_id": "c1" }
              ],
              "tools": [{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" }, "description": "does" } }],
              "chat_template_kwargs": { "enable_thinking": false },
              "temperature": 0.5, "top_p": 0.25, "frequency_penalty": 0.5, "presence_penalty": -0.5, "seed": 4000000000, "logit_bias": { "3": 1.5, "4": -100 },
              "top_k": 5, "min_p": 0.125, "typical_p": 0.75, "top_n_sigma": 2, "xtc_probability": 0.5, "xtc_threshold": 0.25, "dry_multiplier": 1, "dry_base": 2, "dry_allowed_length": 3,
              "repeat_penalty": 1.5, "repetition_penalty": 1.5, "repeat_last_n": 32, "mirostat": 2, "mirostat_tau": 4, "mirostat_eta": 0.5,
              "stop": ["a", "b"]
            }
            """), call.Json, JsonComparer);
    }

    [Fact]
    public async Task WhatWasNotAskedForIsNotSent()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        using OpenAiEndpoint endpoint = Open(server);
        await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop);
        Assert.Equal(["max_tokens", "messages", "model", "stream", "stream_options"], Assert.Single(server.Calls).Json.EnumerateObject().Select(entry => entry.Name).Order());
        Assert.False(server.Calls.Single().Headers.ContainsKey("authorization"));
    }

    [Fact]
    public async Task AnAnswerComesInPiecesWithItsThoughtsAndFigures()
    {
        using RawEndpoint server = new(_ => Events(
            Delta("""{"role":"assistant","content":null,"reasoning_content":"let "}"""), Delta("""{"reasoning":"me"}"""), Delta("""{"content":"Grüße, "}"""), Delta("""{"content":"世界"}"""), Delta("{}", "length"),
            """{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":8}},"timings":{"prompt_per_second":123.5,"predicted_per_second":45.25}}""", "[DONE]"));
        using OpenAiEndpoint endpoint = Open(server);
        List<GeneratedToken> pieces = [];
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, new Receiver(pieces.Add), Stop);

        Assert.Equal([("let ", true), ("me", true), ("Grüße, ", false), ("世界", false)], pieces.Select(piece => (piece.Text, piece.IsReasoning)));
        Assert.Equal(("let me", "Grüße, 世界", FinishReason.Length, "served"), (result.Reasoning, result.Text, result.FinishReason, result.Model));
        Assert.Equal((11, 8, 123.5, 45.25), (result.PromptTokens, result.CachedPromptTokens, result.PromptTokensPerSecond, result.TokensPerSecond));
        Assert.Equal([-1, -1, -1, -1], result.Tokens);
    }

    [Fact]
    public async Task TheFirstTokenIsWaitedForFromTheRequestOn()
    {
        TimeSpan thinking = TimeSpan.FromMilliseconds(200);
        using RawEndpoint server = new(async (_, stream) =>
        {
            await Task.Delay(thinking, Stop);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(ChatAnswer()), Stop);
        });
        using OpenAiEndpoint endpoint = Open(server);
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop);
        Assert.InRange(result.TimeToFirstToken, thinking * 0.9, TimeSpan.MaxValue);
        Assert.InRange(result.PromptTokensPerSecond, 0.001, 7 / (thinking.TotalSeconds * 0.9));
    }

    [Fact]
    public async Task CallsOfToolsArePutTogetherFromTheirPieces()
    {
        using RawEndpoint server = new(_ => Events(
            Delta("""{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"weather","arguments":""}}]}"""),
            Delta("""{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}"""),
            Delta("""{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"time","arguments":"{}"}},{"index":0,"function":{"arguments":"\"Bonn\"}"}}]}"""),
            Delta("{}", "tool_calls"), "[DONE]"));
        using OpenAiEndpoint endpoint = Open(server);
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p", Tools = [new ToolDefinition("weather", null, "{}")] }, null, Stop);
        Assert.Equal([new ToolCall("a", "weather", """{"city":"Bonn"}"""), new ToolCall("b", "time", "{}")], result.ToolCalls);
        Assert.Equal((FinishReason.ToolCalls, ""), (result.FinishReason, result.Text));
    }

    [Fact]
    public async Task AServerThatDoesNotStreamAnswersToo()
    {
        using RawEndpoint server = new(_ => Answer("200 OK", """{"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"all at once","tool_calls":[{"id":"q","function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"""));
        using OpenAiEndpoint endpoint = Open(server);
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop);
        Assert.Equal(("all at once", 2, 3), (result.Text, result.PromptTokens, result.Tokens.Count));
        Assert.Equal(new ToolCall("q", "f", """{"a":1}"""), Assert.Single(result.ToolCalls));
    }

    [Fact]
    public async Task ARawPromptGoesToCompletions()
    {
        using RawEndpoint server = new(_ => Events("""{"choices":[{"index":0,"text":"on","finish_reason":null}]}""", """{"choices":[{"index":0,"text":"ce","finish_reason":"stop"}]}""", "[DONE]"));
        using OpenAiEndpoint endpoint = Open(server);
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "<s>p", Raw = true, Grammar = "root ::= \"once\"" }, null, Stop);
        Assert.Equal("once", result.Text);
        RawCall call = Assert.Single(server.Calls);
        Assert.Equal(("/v1/completions", "<s>p", "root ::= \"once\""), (call.Path, call.Json.GetProperty("prompt").GetString(), call.Json.GetProperty("grammar").GetString()));
        Assert.False(call.Json.TryGetProperty("messages", out _));
    }

    [Fact]
    public async Task ASchemaGoesAsResponseFormatAndAnAnswerThatIsNoJsonIsAnError()
    {
        string text = "{\"a\":1}";
        using RawEndpoint server = new(_ => ChatAnswer(text));
        using OpenAiEndpoint endpoint = Open(server);
        GenerationRequest request = new() { Prompt = "p", Grammar = "root ::= \"x\"", Schema = """{"type":"object","properties":{"a":{"type":"integer"}}}""" };
        Assert.Equal(text, (await endpoint.GenerateAsync(request, null, Stop)).Text);
        JsonElement sent = Assert.Single(server.Calls).Json;
        Assert.Equal("integer", sent.GetProperty("response_format").GetProperty("json_schema").GetProperty("schema").GetProperty("properties").GetProperty("a").GetProperty("type").GetString());
        Assert.False(sent.TryGetProperty("grammar", out _));

        text = "Sure! Here is your JSON: {}";
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.GenerateAsync(request, null, Stop));
        Assert.Equal(ErrorKind.EngineFailure, error.Kind);
    }

    [Fact]
    public async Task WhatTheProtocolCannotSayIsRefusedAndNotSent()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        using OpenAiEndpoint endpoint = Open(server);
        foreach (Func<Task> ask in (Func<Task>[])
        [
            () => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p", Overflow = ContextOverflow.Shift }, null, Stop),
            () => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p", MaxTokens = 0 }, null, Stop),
            () => endpoint.GenerateAsync(new GenerationRequest { Messages = [] }, null, Stop),
            () => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p", Raw = true, Tools = [new ToolDefinition("f", null, "{}")] }, null, Stop),
            () => endpoint.EmbedAsync(new EmbeddingRequest { Texts = ["a"], Pooling = PoolingKind.Cls }, Stop),
        ])
        {
            Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(ask)).Kind);
        }
        Assert.Empty(server.Calls);
    }

    [Fact]
    public async Task TheOnlyModelIsTakenAndAmongSeveralOneMustBeNamed()
    {
        string models = """{"object":"list","data":[{"id":"only","object":"model"}]}""";
        using RawEndpoint server = new(call => call.Path == "/v1/models" ? Answer("200 OK", models) : ChatAnswer());
        using (OpenAiEndpoint endpoint = Open(server, model: null))
        {
            await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop);
            await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop);
        }
        Assert.Equal(["/v1/models", "/v1/chat/completions", "/v1/chat/completions"], server.Calls.Select(call => call.Path));
        Assert.Equal("only", server.Calls.Last().Json.GetProperty("model").GetString());

        models = """{"data":[{"id":"one"},{"id":"two"}]}""";
        using OpenAiEndpoint several = Open(server, model: null);
        Assert.Equal(["one", "two"], await several.ListModelsAsync(Stop));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => several.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("one, two", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task VectorsComeInTheOrderOfTheTextsAndScoresInThatOfTheDocuments()
    {
        using RawEndpoint server = new(call => call.Path switch
        {
            "/v1/embeddings" => Answer("200 OK", $$"""{"data":[{{string.Join(",", Enumerable.Range(0, call.Json.GetProperty("input").GetArrayLength()).Reverse().Select(Vector))}}],"usage":{"prompt_tokens":5,"total_tokens":5} }"""),
            _ => Answer("200 OK", """{"results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":-1.5},{"index":1,"relevance_score":0.1}],"usage":{"total_tokens":30}}"""),
        });
        using OpenAiEndpoint endpoint = Open(server);
        EmbeddingResult plain = await endpoint.EmbedAsync(new EmbeddingRequest { Texts = [.. Enumerable.Range(0, 300).Select(i => $"t{i}")], Normalize = false }, Stop);
        Assert.Equal(Enumerable.Range(0, 256).Concat(Enumerable.Range(0, 44)).Select(i => (float)i), plain.Vectors.Select(vector => vector[0]));
        Assert.Equal((10, 2), (plain.Tokens, server.Calls.Count));
        EmbeddingResult normal = await endpoint.EmbedAsync(new EmbeddingRequest { Texts = ["a"] }, Stop);
        Assert.Equal([0f, 0.6f, 0.8f], normal.Vectors[0]);
        Assert.Empty((await endpoint.EmbedAsync(new EmbeddingRequest(), Stop)).Vectors);

        RerankResult ranked = await endpoint.RerankAsync(new RerankRequest { Query = "q", Documents = ["a", "b", "c"] }, Stop);
        Assert.Equal([-1.5, 0.1, 0.9], ranked.Scores);
        Assert.Equal((30, 3), (ranked.Tokens, server.Calls.Last().Json.GetProperty("top_n").GetInt32()));
    }

    private static string Vector(int index) => $$"""{"index":{{index}},"embedding":[{{index}},3,4]}""";

    [Theory]
    [InlineData("http://h:1", "http://h:1/v1")]
    [InlineData("http://h:1/", "http://h:1/v1")]
    [InlineData("https://h/v1/", "https://h/v1")]
    [InlineData("https://h/openai/deployments/x", "https://h/openai/deployments/x")]
    public void AnAddressMayLackTheVersion(string given, string meant) => Assert.Equal(meant, ModelOps.Remote.EndpointAddress.Base(new Uri(given)));

    [Theory]
    [InlineData("ftp://h")]
    [InlineData("http://user:secret@h")]
    [InlineData("http://h/?api_key=secret")]
    public void AnAddressWithASecretOrNoWebAddressIsRefused(string given)
    {
        ModelOpsException error = Assert.Throws<ModelOpsException>(() => new OpenAiEndpoint(new EndpointOptions { Address = new Uri(given) }));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.DoesNotContain("secret", $"{error.Message} {error.Hint}", StringComparison.Ordinal);
    }

    private static readonly EqualityComparer<JsonElement> JsonComparer = EqualityComparer<JsonElement>.Create(JsonElement.DeepEquals, _ => 0);

    internal sealed class Receiver(Action<GeneratedToken> take) : IProgress<GeneratedToken>
    {
        public void Report(GeneratedToken value) => take(value);
    }
}
