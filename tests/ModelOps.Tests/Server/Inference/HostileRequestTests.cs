using System.Net.Sockets;
using System.Text;
using ModelOps.Server.Inference;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>Requests that no client library writes.</summary>
public sealed class HostileRequestTests
{
    private const string Key = "sk-secret-1";
    private const int Patience = 60_000;
    private readonly FakeEngine _engine = new();

    [Theory]
    [InlineData("required")]
    [InlineData("auto")]
    [InlineData("none")]
    public async Task AToolWhoseParametersSayTheSameTwiceIsRefused(string choice)
    {
        await using TestServer server = await TestServer.StartAsync(_engine);
        const string Tools = """[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{"a":{"type":"integer","type":"string"}}}}}]""";
        Answer answer = await server.ChatAsync(more: $"\"tool_choice\":\"{choice}\",\"tools\":{Tools}");
        Assert.Equal((400, "invalid_schema", "tools[1].function.parameters"), answer.Error);
    }

    [Theory]
    [InlineData("invalid_grammar", "grammar", """ "grammar":"root ::= (\"a\"?){400}" """)]
    [InlineData("invalid_grammar", "grammar", """ "grammar":"root ::= root" """)]
    [InlineData("invalid_schema", "response_format", """ "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"^(a?){400}$"}}} """)]
    public async Task WhatNoAnswerCanBeWrittenUnderIsRefusedBeforeAModelIsLoaded(string code, string parameter, string more)
    {
        await using TestServer server = await TestServer.StartAsync(_engine);
        Assert.Equal((400, code, parameter), (await server.ChatAsync(more: more)).Error);
        Assert.Empty(_engine.Loads);
    }

    [Theory]
    [InlineData("HTTP/1.0\r\n")]
    [InlineData("HTTP/1.1\r\nHost:\r\n")]
    [InlineData("HTTP/1.1\r\nHost: a:99999\r\n")]
    [InlineData("HTTP/1.1\r\nHost: a..b\r\n")]
    // Without a port a name stands for the scheme's own.
    [InlineData("HTTP/1.1\r\nHost: localhost\r\n")]
    public async Task APageIsKeptOutWhateverStandsInTheHostHeader(string rest)
    {
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Url = "http://0.0.0.0:0", Keys = [Key] });
        string answer = await SayAsync(server, $"GET /health {rest}Origin: http://localhost:3000\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        Assert.Contains("origin_not_allowed", answer, StringComparison.Ordinal);
    }

    [Fact(Timeout = Patience)]
    public async Task ABodyThatDoesNotComeHasTheTimeOfARequestToo()
    {
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Timeout = TimeSpan.FromMilliseconds(300) });
        string answer = await SayAsync(server, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{");
        Assert.StartsWith("HTTP/1.1 504 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"stream\":true")]
    public async Task ADefectIsToldToTheClientWithoutDetailsAndToTheAdministratorWithThem(string more)
    {
        var remarks = new List<string>();
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { Remark = remarks.Add });
        _engine.Answer = (_, _, _) => throw new InvalidOperationException("a secret of ours");
        Answer answer = await server.ChatAsync(more: more);
        Assert.Equal((500, "internal_error", null), answer.Error);
        Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
        Assert.Contains(remarks, line => line.Contains("a secret of ours", StringComparison.Ordinal));
        Assert.Contains("modelops_requests_total{route=\"/v1/chat/completions\",status=\"500\"} 1\n", (await server.GetAsync("/metrics")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(""" "content":"X" """)]
    [InlineData(""" "content":"","reasoning_content":"X" """)]
    [InlineData(""" "tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"X"}}] """)]
    public async Task TheLengthOfAPromptIsThatOfAllItsTexts(string rest)
    {
        await using TestServer server = await TestServer.StartAsync(_engine, options => options with { MaxPromptLength = 1000 });
        string body = $"{{\"model\":\"one\",\"messages\":[{{\"role\":\"assistant\",{rest.Replace("X", new string('x', 1001), StringComparison.Ordinal)}}}]}}";
        Assert.Equal((400, "prompt_too_long", "messages"), (await server.PostAsync("/v1/chat/completions", body)).Error);
    }

    [Fact]
    public async Task AHintTellsNoPathEither()
    {
        await using TestServer server = await TestServer.StartAsync(_engine);
        _engine.Loading = path => throw new ModelOpsException(ErrorKind.CorruptFile, "The file is damaged.", $"Fetch {path} again.");
        Answer answer = await server.ChatAsync();
        Assert.Equal((500, "CorruptFile", null), answer.Error);
        Assert.DoesNotContain("/models", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TimesThatMakeNoSenseAreRefused()
    {
        InferenceOptions options = TestServer.Options(_engine);
        foreach (InferenceOptions wrong in (InferenceOptions[])[options with { Timeout = TimeSpan.Zero }, options with { Timeout = TimeSpan.FromSeconds(-1), Idle = null }, options with { Timeout = TimeSpan.FromDays(100) }, options with { Idle = TimeSpan.Zero }])
            Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => InferenceServer.StartAsync(wrong))).Kind);
    }

    private static async Task<string> SayAsync(TestServer server, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Server.Endpoint.Port);
        await using NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }
}
