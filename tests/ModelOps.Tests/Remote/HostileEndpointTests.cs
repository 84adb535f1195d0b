using ModelOps.Tests.Hub;
using Xunit;
using static ModelOps.Tests.Remote.RawEndpoint;

namespace ModelOps.Tests.Remote;

/// <summary>Servers that answer what nobody should be hurt by.</summary>
public sealed class HostileEndpointTests
{
    private readonly FakeTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private EndpointOptions Options(RawEndpoint server) => new() { Address = server.Address, Model = "m", Time = _time };

    private async Task<ModelOpsException> FailAsync(RawEndpoint server, Func<EndpointOptions, EndpointOptions>? change = null)
    {
        using OpenAiEndpoint endpoint = new(change?.Invoke(Options(server)) ?? Options(server));
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, null, Stop));
        Assert.DoesNotContain($"{error.Message} {error.Hint}", char.IsControl);
        return error;
    }

    // An escape of half a character cannot be read as text.
    [Theory]
    [InlineData("""{"error":{"message":"\ud800","code":"x"}}""")]
    [InlineData("""{"error":{"message":"x","code":"\ud800"}}""")]
    [InlineData("""{"error":"\ud800"}""")]
    [InlineData("""{"detail":"\ud800"}""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"error":{"message":{"message":1},"code":7}}""")]
    public async Task ARefusalThatCannotBeReadIsARefusalAllTheSame(string body)
    {
        using RawEndpoint server = new(_ => Answer("400 Bad Request", body));
        ModelOpsException error = await FailAsync(server);
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("answered 400", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APageInPlaceOfAnAnswerIsNotAskedForAgain()
    {
        using RawEndpoint server = new(_ => Answer("200 OK", "<html>Log in to the network</html>", "text/html"));
        ModelOpsException error = await FailAsync(server);
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Contains("protocol", error.Message, StringComparison.Ordinal);
        Assert.Single(server.Calls);
    }

    [Fact]
    public async Task NamesOfModelsAreQuotedWithoutWhatATerminalObeys()
    {
        using RawEndpoint server = new(_ => Answer("200 OK", """{"data":[{"id":"a\u001b[2Jb"},{"id":"c\nd"}]}"""));
        ModelOpsException error = await FailAsync(server, options => options with { Model = null });
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("[2Jb", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AConnectionThatIsNotMadeInTimeIsSaidToBeSoAndTriedAgain()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        int tried = 0;
        ModelOpsException error = await FailAsync(server, options => options with
        {
            ConnectTimeout = TimeSpan.FromMilliseconds(100),
            CreateHandler = () => new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromMilliseconds(100),
                ConnectCallback = async (_, cancellationToken) =>
                {
                    Interlocked.Increment(ref tried);
                    await Task.Delay(Timeout.Infinite, cancellationToken);
                    throw new InvalidOperationException("unreachable");
                },
            },
        });
        Assert.Equal(ErrorKind.NetworkFailure, error.Kind);
        Assert.Contains("0.1 s", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, tried);
    }

    [Fact]
    public async Task WhatAListenerThrowsIsItsOwn()
    {
        using RawEndpoint server = new(_ => ChatAnswer());
        using OpenAiEndpoint endpoint = new(Options(server));
        InvalidOperationException thrown = new("the screen is gone");
        Assert.Same(thrown, await Assert.ThrowsAsync<InvalidOperationException>(() => endpoint.GenerateAsync(new GenerationRequest { Prompt = "p" }, new OpenAiEndpointTests.Receiver(_ => throw thrown), Stop)));
        Assert.Single(server.Calls);
    }

    [Fact]
    public async Task ACountOfTokensIsNotBelievedBeyondWhatAnAnswerCanHave()
    {
        using RawEndpoint server = new(_ => Events(Delta("""{"content":"a"}""", "stop"), """{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2147483647}}""", "[DONE]"));
        using OpenAiEndpoint endpoint = new(Options(server));
        GenerationResult result = await endpoint.GenerateAsync(new GenerationRequest { Prompt = "p", MaxTokens = int.MaxValue }, null, Stop);
        Assert.InRange(result.Tokens.Count, 1, 1 << 24);
    }
}
