using System.Text.Json;
using ModelOps.Tests.Engine;
using ModelOps.Tests.Remote;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops run</c> with adapters and with a context that becomes full, in this process and in one of its own; what must come out, the engine's tests hold against llama.cpp.</summary>
public sealed class AnswerOptionTests : IDisposable
{
    private static readonly string Model = GoldenLogits.PathOf("llama", "f32");
    private static readonly string Adapter = GoldenLogits.PathOf("lora-llama", "f32");
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 12 };

    private readonly TemporaryFolder _folder = new();

    public AnswerOptionTests() => File.Copy(Adapter, Path.Combine(_folder.Path, "adapter.gguf"));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData]
    [InlineData("--isolate")]
    public async Task AdaptersOfTheWorkingFolderAreOnTheModelAtTheirStrength(params string[] more)
    {
        var plain = await AnswerAsync();
        var whole = await AnswerAsync(new AdapterOptions(Adapter));
        var both = await AnswerAsync(new AdapterOptions(Adapter, 0.5f), new AdapterOptions(Adapter, -3));
        Assert.Equal(3, new[] { plain, whole, both }.Distinct().Count());

        Assert.Equal(plain, await RunAsync(more));
        Assert.Equal(whole, await RunAsync(["--lora", "adapter.gguf", .. more]));
        Assert.Equal(both, await RunAsync(["--lora", "adapter.gguf=0.5", "--lora", "./adapter.gguf=-3", .. more]));
    }

    [Theory]
    [InlineData(3, "missing.gguf")]
    [InlineData(2, "adapter.gguf=NaN")]
    [InlineData(2, "")]
    [InlineData(2, "adapter.gguf", "--endpoint", "http://127.0.0.1:9")]
    public async Task WhatIsNoAdapterIsRefused(int code, string adapter, params string[] more)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", Model, "hello", "--lora", adapter, .. more]);
        Assert.Equal(code, outcome.ExitCode);
        Assert.Empty(outcome.Out);
    }

    [Theory]
    [InlineData]
    [InlineData("--isolate")]
    public async Task AFullContextEndsTheAnswerOrForgetsItsOlderHalf(params string[] more)
    {
        const int Context = 256, Asked = 400;
        // The model goes in circles on this prompt.
        string[] command = ["run", Model, "a", "--raw", "--temperature", "0", "--max-tokens", "400", "--context", "256", "--format", "json", .. more];
        var ended = (await InProcess.RunAsync(_folder.Path, command)).Json;
        Assert.Equal(("length", true), (ended.GetProperty("finishReason").GetString(), ended.GetProperty("promptTokens").GetInt32() + ended.GetProperty("tokens").GetArrayLength() is Context or Context + 1));
        var shifted = (await InProcess.RunAsync(_folder.Path, [.. command, "--overflow", "shift"])).Json;
        Assert.Equal(Asked, shifted.GetProperty("tokens").GetArrayLength());
        Assert.Equal(Ids(ended), Ids(shifted).Take(ended.GetProperty("tokens").GetArrayLength()));
    }

    [Fact]
    public async Task WhatIsNoWayOutOfAFullContextIsRefused()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", Model, "hello", "--overflow", "never"]);
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("--overflow is one of Error, Shift, not 'never'", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stop", "the model")]
    [InlineData("length", "--max-tokens")]
    [InlineData("tool_calls", "a call of a tool")]
    public async Task TheEndOfAnAnswerIsSaid(string finish, string said)
    {
        using RawEndpoint server = new(_ => RawEndpoint.Events(RawEndpoint.Delta("""{"role":"assistant","content":"hi"}"""), RawEndpoint.Delta("{}", finish), "[DONE]"));
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", "m", "hello", "--endpoint", server.Address.ToString()]);
        Assert.Equal((0, "hi"), (outcome.ExitCode, outcome.Out.Trim()));
        Assert.Contains($"ended by {said}", outcome.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<int> Ids(JsonElement answer) => answer.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32());

    private static async Task<string> AnswerAsync(params AdapterOptions[] adapters)
    {
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = Model, Parameters = new() { ContextLength = 256, GpuLayers = 0 }, Threads = 1, Adapters = adapters });
        return string.Join(' ', (await engine.GenerateAsync(Greedy)).Tokens);
    }

    private async Task<string> RunAsync(params string[] more)
        => string.Join(' ', Ids((await InProcess.RunAsync(_folder.Path, ["run", Model, "hello", "--raw", "--temperature", "0", "--max-tokens", "12", "--format", "json", .. more])).Json));
}
