using ModelOps.Cli;
using ModelOps.Server.Inference;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Remote;

/// <summary>Our own server and our own client, against the engine in this process: what the one says the other must understand.</summary>
public sealed class OwnServerTests
{
    private const string Key = "key-of-the-tests";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private readonly DemoModels _models;

    public OwnServerTests(DemoModels models) => _models = models;

    [Fact]
    public async Task AnEndpointAnswersAsTheEngineHereDoes()
    {
        string path = await _models.Gguf("demo-llama", "F32");
        await using InferenceServer server = await StartAsync(path);
        using OpenAiEndpoint endpoint = new(new EndpointOptions { Address = server.Endpoint, ApiKey = Key });
        Assert.Equal(["demo"], await endpoint.ListModelsAsync(Stop));

        using LlamaEngine engine = await _models.Load("demo-llama", "F32");
        GenerationRequest raw = new() { Prompt = "The ", Raw = true, Temperature = 0, MaxTokens = 24 };
        GenerationRequest chat = new() { Messages = [new("system", "Be brief."), new("user", "Hello")], Temperature = 0, MaxTokens = 24 };
        GenerationRequest sampled = chat with { Temperature = 0.9f, TopK = 12, MinP = 0.01f, RepeatPenalty = 1.2f, RepeatLastN = 16, Seed = 7, DryMultiplier = 0.5f, DryAllowedLength = 1, XtcProbability = 0.5f, TopNSigma = 2, LogitBias = new Dictionary<int, float> { [5] = float.NegativeInfinity, [9] = 2 } };
        GenerationRequest mirostat = chat with { Temperature = 0.9f, Mirostat = 2, MirostatTau = 3, MirostatEta = 0.2f, Seed = 3 };
        const string Schema = """{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9}},"required":["n"],"additionalProperties":false}""";
        GenerationRequest shaped = chat with { Schema = Schema, Grammar = JsonSchemaGrammar.FromSchema(Schema), MaxTokens = 64 };
        foreach (GenerationRequest request in (GenerationRequest[])[raw, chat, sampled, mirostat, shaped])
        {
            GenerationResult expected = await engine.GenerateAsync(request, null, Stop);
            List<GeneratedToken> pieces = [];
            GenerationResult result = await endpoint.GenerateAsync(request, new OpenAiEndpointTests.Receiver(pieces.Add), Stop);
            Assert.Equal((expected.Text, expected.FinishReason, expected.PromptTokens, expected.Tokens.Count), (result.Text, result.FinishReason, result.PromptTokens, result.Tokens.Count));
            Assert.Equal(result.Text, string.Concat(pieces.Where(piece => !piece.IsReasoning).Select(piece => piece.Text)));
            Assert.Equal("demo", result.Model);
        }
    }

    [Fact]
    public async Task ThatWhichAServerRefusesHasItsKindHere()
    {
        await using InferenceServer server = await StartAsync(await _models.Gguf("demo-llama", "F32"));
        GenerationRequest request = new() { Prompt = "Hello", MaxTokens = 4 };
        async Task<ErrorKind> FailAsync(EndpointOptions options, GenerationRequest asked)
        {
            using OpenAiEndpoint endpoint = new(options);
            return (await Assert.ThrowsAsync<ModelOpsException>(() => endpoint.GenerateAsync(asked, null, Stop))).Kind;
        }
        EndpointOptions own = new() { Address = server.Endpoint, ApiKey = Key, Model = "demo" };
        Assert.Equal(ErrorKind.Unauthorized, await FailAsync(own with { ApiKey = null }, request));
        Assert.Equal(ErrorKind.Unauthorized, await FailAsync(own with { ApiKey = "another" }, request));
        Assert.Equal(ErrorKind.ModelNotFound, await FailAsync(own with { Model = "other" }, request));
        Assert.Equal(ErrorKind.ModelNotFound, await FailAsync(own with { Address = new Uri(server.Endpoint, "/elsewhere") }, request));
        Assert.Equal(ErrorKind.ContextFull, await FailAsync(own, request with { Prompt = string.Join(' ', Enumerable.Repeat("word", 20_000)) }));
        Assert.Equal(ErrorKind.InvalidArgument, await FailAsync(own, request with { Stop = [.. Enumerable.Range(0, 99).Select(i => $"s{i}")] }));
    }

    [Fact]
    public async Task TheCommandLineAsksAServer()
    {
        await using InferenceServer server = await StartAsync(await _models.Gguf("demo-llama", "F32"));
        using LlamaEngine engine = await _models.Load("demo-llama", "F32");
        GenerationResult expected = await engine.GenerateAsync(new GenerationRequest { Prompt = "Hello", Temperature = 0, MaxTokens = 16 }, null, Stop);
        using TemporaryFolder folder = new();
        Func<CliHost, CliHost> withKey = host => host with { Environment = name => name == EndpointOptions.ApiKeyVariable ? Key : host.Environment(name) };
        string[] command = ["run", "auto", "Hello", "--endpoint", server.Endpoint.ToString(), "--temperature", "0", "--max-tokens", "16"];

        CliOutcome json = await InProcess.RunAsync(folder.Path, [.. command, "--format", "json"], withKey, cancellationToken: Stop);
        Assert.Equal((0, expected.Text, "demo"), (json.ExitCode, json.Json.GetProperty("text").GetString(), json.Json.GetProperty("model").GetString()));
        Assert.Equal(expected.PromptTokens, json.Json.GetProperty("promptTokens").GetInt32());
        CliOutcome text = await InProcess.RunAsync(folder.Path, command, withKey, cancellationToken: Stop);
        Assert.Equal(expected.Text.TrimEnd('\n'), text.Out.TrimEnd('\n'));
        Assert.Equal(0, (await InProcess.RunAsync(folder.Path, [.. command, "--api-key-file", folder.Write("key", System.Text.Encoding.UTF8.GetBytes(Key + "\n"))], cancellationToken: Stop)).ExitCode);

        Assert.Equal(4, (await InProcess.RunAsync(folder.Path, command, cancellationToken: Stop)).ExitCode);
        Assert.Equal(3, (await InProcess.RunAsync(folder.Path, ["run", "other", .. command[2..]], withKey, cancellationToken: Stop)).ExitCode);
        Assert.Equal(2, (await InProcess.RunAsync(folder.Path, [.. command, "--gpu-layers", "all"], withKey, cancellationToken: Stop)).ExitCode);
        CliOutcome shaped = await InProcess.RunAsync(folder.Path, [.. command[..5], "--schema", """{"enum":[1,2]}""", "--format", "json"], withKey, cancellationToken: Stop);
        Assert.Contains(shaped.Json.GetProperty("text").GetString()!.Trim(), (string[])["1", "2"]);

        Func<CliHost, CliHost> talking = host => withKey(host) with { OpenInput = () => new StringReader("Hello\n/model other\n/exit\n") };
        CliOutcome chat = await InProcess.RunAsync(folder.Path, ["chat", .. command[1..2], .. command[3..]], talking, cancellationToken: Stop);
        Assert.Equal((0, expected.Text.TrimEnd('\n')), (chat.ExitCode, chat.Out.TrimEnd('\n')));
        Assert.Contains("keeps its model", chat.Error, StringComparison.Ordinal);
    }

    private static Task<InferenceServer> StartAsync(string path) => InferenceServer.StartAsync(new InferenceOptions
    {
        Models = [new OfferedModel("demo", path)],
        Runner = () => new InProcessRunner(),
        Keys = [Key],
        Parallel = 1,
        Threads = 1,
        Wish = new FitRequest { ContextLength = 256, GpuLayers = 0 },
    });
}
