using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>OpenAI's JSON in and out, and what the engine is asked.</summary>
public sealed class ChatTests : IAsyncLifetime
{
    private const string Weather = """{"type":"function","function":{"name":"weather","description":"Tells it.","parameters":{"type":"object","properties":{"city":{"$ref":"#/$defs/city"}},"required":["city"],"$defs":{"city":{"enum":["Rome","Oslo"]}}}}}""";

    private readonly FakeEngine _engine = new();
    private GenerationRequest? _asked;
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _engine.Answer = (request, progress, _) =>
        {
            _asked = request;
            return Task.FromResult(FakeEngine.Say(request, progress, "Hello", "", " there"));
        };
        _server = await TestServer.StartAsync(_engine);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task AConversationIsHandedOnAndAnswered()
    {
        Answer answer = await _server.PostAsync("/v1/chat/completions", """
            {"model":"org/two:Q8_0","temperature":0.5,"top_p":0.9,"seed":-1,"max_completion_tokens":7,"max_tokens":9,"stop":["a","b"],"presence_penalty":0.25,"frequency_penalty":-0.5,
             "logit_bias":{"5":-100,"6":1.5},"user":"nobody reads this","store":false,"metadata":{"a":1},"n":1,"logprobs":false,"reasoning_effort":"none",
             "messages":[{"role":"developer","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"What"},{"type":"text","text":"now?"}]},
              {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"sunny"}]}
            """);

        Assert.Equal(200, (int)answer.Status);
        Assert.Equal(("Hello there", "chat.completion", "org/two:Q8_0"), (answer.Content, answer.Json.GetProperty("object").GetString(), answer.Json.GetProperty("model").GetString()));
        Assert.Equal("stop", answer.Json.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        JsonElement usage = answer.Json.GetProperty("usage");
        Assert.Equal((23, 3, 26), (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("total_tokens").GetInt32()));
        Assert.Equal((0, 23, 100.0, 3, 10.0), Timings(answer.Json));
        Assert.Equal(["/models/two.gguf"], _engine.Loads);
        Assert.Equal([("system", "Be kind."), ("user", "What\nnow?"), ("assistant", ""), ("tool", "sunny")], _asked!.Messages!.Select(message => (message.Role, message.Content)));
        Assert.Equal(new ToolCall("c1", "weather", """{"city":"Rome"}"""), Assert.Single(_asked.Messages![2].ToolCalls!));
        Assert.Equal("c1", _asked.Messages[3].ToolCallId);
        Assert.Equal((0.5f, 0.9f, uint.MaxValue, 7, 0.25f, -0.5f), (_asked.Temperature, _asked.TopP, _asked.Seed, _asked.MaxTokens, _asked.PresencePenalty, _asked.FrequencyPenalty));
        Assert.Equal(["a", "b"], _asked.Stop);
        Assert.Equal(new Dictionary<int, float> { [5] = float.NegativeInfinity, [6] = 1.5f }, _asked.LogitBias);
        Assert.False(_asked.Thinking);
    }

    [Fact]
    public async Task AStreamIsTheSameTextInPiecesAndEndsWithItsUsage()
    {
        Answer answer = await _server.ChatAsync(more: "\"stream\":true,\"stream_options\":{\"include_usage\":true}");

        Assert.Equal("[DONE]", answer.Events[^1]);
        List<JsonElement> chunks = [.. answer.Events.SkipLast(1).Select(text => JsonElement.Parse(text))];
        Assert.All(chunks, chunk => Assert.Equal(("chat.completion.chunk", chunks[0].GetProperty("id").GetString()), (chunk.GetProperty("object").GetString(), chunk.GetProperty("id").GetString())));
        List<JsonElement> choices = [.. chunks.SkipLast(1).Select(chunk => chunk.GetProperty("choices")[0])];
        Assert.Equal("assistant", choices[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal("Hello there", string.Concat(choices.Select(choice => choice.GetProperty("delta").TryGetProperty("content", out JsonElement text) ? text.GetString() : "")));
        Assert.Equal([.. Enumerable.Repeat<string?>(null, choices.Count - 1), "stop"], choices.Select(choice => choice.GetProperty("finish_reason").GetString()));
        Assert.Equal((0, 9), (chunks[^1].GetProperty("choices").GetArrayLength(), chunks[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        Assert.Equal((0, 6, 100.0, 3, 10.0), Timings(chunks[^1]));
    }

    private static (int, int, double, int, double) Timings(JsonElement answer)
    {
        JsonElement timings = answer.GetProperty("timings");
        return (timings.GetProperty("cache_n").GetInt32(), timings.GetProperty("prompt_n").GetInt32(), timings.GetProperty("prompt_per_second").GetDouble(), timings.GetProperty("predicted_n").GetInt32(), timings.GetProperty("predicted_per_second").GetDouble());
    }

    [Fact]
    public async Task ReasoningAndCallsOfToolsHaveTheirOwnPlaces()
    {
        _engine.Answer = (request, progress, _) =>
        {
            _asked = request;
            progress?.Report(new GeneratedToken(1, "Hm.") { IsReasoning = true });
            progress?.Report(new GeneratedToken(2, ""));
            return Task.FromResult(new GenerationResult("", [1, 2], 5, 1, 1, FinishReason.ToolCalls) { Reasoning = "Hm.", ToolCalls = [new ToolCall("c9", "weather", "{}")] });
        };
        Answer whole = await _server.ChatAsync(more: $"\"tools\":[{Weather}],\"tool_choice\":\"auto\"");
        Answer streamed = await _server.ChatAsync(more: $"\"stream\":true,\"tools\":[{Weather}]");

        JsonElement choice = whole.Json.GetProperty("choices")[0];
        JsonElement message = choice.GetProperty("message");
        Assert.Equal(("tool_calls", "Hm.", JsonValueKind.Null), (choice.GetProperty("finish_reason").GetString(), message.GetProperty("reasoning_content").GetString(), message.GetProperty("content").ValueKind));
        Assert.Equal("""[{"id":"c9","type":"function","function":{"name":"weather","arguments":"{}"}}]""", message.GetProperty("tool_calls").GetRawText());
        Assert.Equal(("weather", "Tells it."), (Assert.Single(_asked!.Tools).Name, _asked.Tools[0].Description));
        Assert.Null(_asked.Grammar);
        List<JsonElement> deltas = [.. streamed.Events.SkipLast(1).Select(text => JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("delta"))];
        Assert.Equal("Hm.", Assert.Single(deltas, delta => delta.TryGetProperty("reasoning_content", out _)).GetProperty("reasoning_content").GetString());
        Assert.Equal("""[{"index":0,"id":"c9","type":"function","function":{"name":"weather","arguments":"{}"}}]""", Assert.Single(deltas, delta => delta.TryGetProperty("tool_calls", out _)).GetProperty("tool_calls").GetRawText());
    }

    [Theory]
    [InlineData("\"required\"")]
    [InlineData("""{"type":"function","function":{"name":"weather"}}""")]
    public async Task AForcedCallIsAnAnswerUnderAGrammar(string choice)
    {
        _engine.Answer = (request, progress, _) =>
        {
            _asked = request;
            return Task.FromResult(FakeEngine.Say(request, progress, """{"name":"weather",""", """ "arguments":{"city":"Oslo"}}"""));
        };
        Answer whole = await _server.ChatAsync(more: $"\"tools\":[{Weather}],\"tool_choice\":{choice}");
        Answer streamed = await _server.ChatAsync(more: $"\"stream\":true,\"tools\":[{Weather}],\"tool_choice\":{choice}");

        Assert.Contains("Oslo", _asked!.Grammar);
        // In our own words, as the answer is in our own form: templates that know no tools would refuse them.
        Assert.Empty(_asked.Tools);
        Assert.Contains("* weather: Tells it. Arguments: {", Assert.Single(_asked.Messages!, message => message.Role == "system").Content, StringComparison.Ordinal);
        Assert.Null(whole.Content);
        JsonElement call = whole.Json.GetProperty("choices")[0].GetProperty("message").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal(("weather", """{"city":"Oslo"}"""), (call.GetProperty("name").GetString(), call.GetProperty("arguments").GetString()));
        Assert.DoesNotContain(streamed.Events.SkipLast(1), text => JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String);
        Assert.Contains("tool_calls", streamed.Events[^2]);
    }

    [Fact]
    public async Task NoneOfTheToolsIsToldWhenNoneMayBeCalled()
    {
        await _server.ChatAsync(more: $"\"tools\":[{Weather}],\"tool_choice\":\"none\"");
        Assert.Empty(_asked!.Tools);
    }

    [Fact]
    public async Task FormatsAreGrammars()
    {
        await _server.ChatAsync(more: """ "response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"colour":{"enum":["red"]}},"required":["colour"],"additionalProperties":false}}}""");
        Assert.Equal(JsonSchemaGrammar.FromSchema("""{"type":"object","properties":{"colour":{"enum":["red"]}},"required":["colour"],"additionalProperties":false}"""), _asked!.Grammar);
        await _server.ChatAsync(more: """ "response_format":{"type":"json_object"}""");
        Assert.Equal(JsonSchemaGrammar.FromSchema("""{"type":"object"}"""), _asked!.Grammar);
        await _server.ChatAsync(more: """ "response_format":{"type":"text"}""");
        Assert.Null(_asked!.Grammar);
    }

    [Fact]
    public async Task ATextIsContinuedAsItIs()
    {
        Answer answer = await _server.PostAsync("/v1/completions", """{"model":"one","prompt":["Once"],"echo":true}""");
        Assert.Equal(("OnceHello there", "text_completion"), (answer.Json.GetProperty("choices")[0].GetProperty("text").GetString(), answer.Json.GetProperty("object").GetString()));
        Assert.Equal((true, "Once", 16), (_asked!.Raw, _asked.Prompt, _asked.MaxTokens));
        Answer streamed = await _server.PostAsync("/v1/completions", """{"model":"one","prompt":"Once","stream":true,"max_tokens":40}""");
        Assert.Equal("Hello there", string.Concat(streamed.Events.SkipLast(1).Select(text => JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("text").GetString())));
        Assert.Equal(40, _asked.MaxTokens);
    }

    [Theory]
    [InlineData("", 400, "invalid_json", null)]
    [InlineData("{", 400, "invalid_json", null)]
    [InlineData("[]", 400, "invalid_type", null)]
    [InlineData("""{"model":"one"}""", 400, "missing_required_parameter", "messages")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", 400, "missing_required_parameter", "model")]
    [InlineData("""{"model":7,"messages":[{"role":"user","content":"a"}]}""", 400, "invalid_type", "model")]
    [InlineData("""{"model":"one","messages":[]}""", 400, "invalid_value", "messages")]
    [InlineData("""{"model":"one","messages":"hello"}""", 400, "invalid_type", "messages")]
    [InlineData("""{"model":"one","messages":[7]}""", 400, "invalid_type", "messages[0]")]
    [InlineData("""{"model":"one","messages":[{"role":"king","content":"a"}]}""", 400, "invalid_value", "messages[0].role")]
    [InlineData("""{"model":"one","messages":[{"role":"user"}]}""", 400, "missing_required_parameter", "messages[0].content")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"\ud800"}]}""", 400, "invalid_json", null)]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"logit_bias":{"\udc00":1}}""", 400, "invalid_json", null)]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}]}""", 400, "unsupported_content", "messages[0].content[0].type")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"temperature":"hot"}""", 400, "invalid_type", "temperature")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"max_tokens":0}""", 400, "invalid_value", "max_tokens")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"max_tokens":1.5}""", 400, "invalid_type", "max_tokens")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"n":2}""", 400, "unsupported_value", "n")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"logprobs":true}""", 400, "unsupported_parameter", "logprobs")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"stream":"yes"}""", 400, "invalid_type", "stream")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"stop":[""]}""", 400, "invalid_value", "stop")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"logit_bias":{"hello":1}}""", 400, "invalid_value", "logit_bias")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"nonsense"}}}}""", 400, "invalid_schema", "response_format")]
    [InlineData("""{"model":"one","messages":[{"role":"user","content":"a"}],"tool_choice":"required"}""", 400, "invalid_value", "tool_choice")]
    [InlineData("""{"model":"three","messages":[{"role":"user","content":"a"}]}""", 404, "model_not_found", "model")]
    [InlineData("""{"model":"/models/one.gguf","messages":[{"role":"user","content":"a"}]}""", 400, "model_is_path", "model")]
    [InlineData("""{"model":"../one","messages":[{"role":"user","content":"a"}]}""", 400, "model_is_path", "model")]
    [InlineData("""{"model":"C:\\models\\one","messages":[{"role":"user","content":"a"}]}""", 400, "model_is_path", "model")]
    public async Task WhatMakesNoSenseIsRefused(string body, int status, string code, string? parameter)
    {
        Answer answer = await _server.PostAsync("/v1/chat/completions", body);
        Assert.Equal((status, code, parameter), answer.Error);
        Assert.Empty(_engine.Loads);
    }

    [Fact]
    public async Task ARepositoryWithOneVariantNeedsNoVariant()
    {
        Answer answer = await _server.PostAsync("/v1/chat/completions", """{"model":"org/two","messages":[{"role":"user","content":"a"}]}""");
        Assert.Equal("org/two:Q8_0", answer.Json.GetProperty("model").GetString());
        Assert.Equal("org/two:Q8_0", (await _server.GetAsync("/v1/models/org/two")).Json.GetProperty("id").GetString());
        // As a client writes a name into an address.
        Assert.Equal("org/two:Q8_0", (await _server.GetAsync("/v1/models/org%2Ftwo%3AQ8_0")).Json.GetProperty("id").GetString());
        Assert.Equal(["one", "org/two:Q8_0"], (await _server.GetAsync("/v1/models")).Json.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task ErrorsOfTheEngineAreToldWithoutPaths()
    {
        _engine.Answer = (_, _, _) => throw new ModelOpsException(ErrorKind.ContextFull, "The prompt has 5000 tokens.", "Shorten it.");
        Assert.Equal((400, "context_length_exceeded", "messages"), (await _server.ChatAsync()).Error);
        Assert.Equal((400, "context_length_exceeded", "messages"), (await _server.ChatAsync(more: "\"stream\":true")).Error);
        _engine.Answer = (_, _, _) => throw new ModelOpsException(ErrorKind.EngineCrashed, "The worker with /models/one.gguf ended: SIGABRT. Its last words: GGML_ASSERT");
        Answer crashed = await _server.ChatAsync();
        Assert.Equal((502, "engine_crashed", null), crashed.Error);
        Assert.Contains("one ended: SIGABRT. Its last words: GGML_ASSERT", crashed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("/models", crashed.Text, StringComparison.Ordinal);
        _engine.Answer = (request, progress, _) =>
        {
            FakeEngine.Say(request, progress, "Hello");
            throw new ModelOpsException(ErrorKind.EngineCrashed, "Gone.");
        };
        Answer broken = await _server.ChatAsync(more: "\"stream\":true");
        Assert.Equal("engine_crashed", JsonElement.Parse(broken.Events[^1]).GetProperty("error").GetProperty("code").GetString());
        Assert.Contains("modelops_engine_crashes_total{model=\"one\"} 2\n", (await _server.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }
}
