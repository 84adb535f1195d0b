using System.Text.Json;
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
        string[] command = ["run", "auto", "Hello", "--endpoint", server.Endpoint.ToString(), "--temperature", "0", "--max-tokens", "16"];

        CliOutcome json = await InProcess.RunAsync(folder.Path, [.. command, "--format", "json"], WithKey, cancellationToken: Stop);
        Assert.Equal((0, expected.Text, "demo"), (json.ExitCode, json.Json.GetProperty("text").GetString(), json.Json.GetProperty("model").GetString()));
        Assert.Equal(expected.PromptTokens, json.Json.GetProperty("promptTokens").GetInt32());
        CliOutcome text = await InProcess.RunAsync(folder.Path, command, WithKey, cancellationToken: Stop);
        Assert.Equal(expected.Text.TrimEnd('\n'), text.Out.TrimEnd('\n'));
        Assert.Equal(0, (await InProcess.RunAsync(folder.Path, [.. command, "--api-key-file", folder.Write("key", System.Text.Encoding.UTF8.GetBytes(Key + "\n"))], cancellationToken: Stop)).ExitCode);

        Assert.Equal(4, (await InProcess.RunAsync(folder.Path, command, cancellationToken: Stop)).ExitCode);
        Assert.Equal(3, (await InProcess.RunAsync(folder.Path, ["run", "other", .. command[2..]], WithKey, cancellationToken: Stop)).ExitCode);
        Assert.Equal(2, (await InProcess.RunAsync(folder.Path, [.. command, "--gpu-layers", "all"], WithKey, cancellationToken: Stop)).ExitCode);
        CliOutcome shaped = await InProcess.RunAsync(folder.Path, [.. command[..5], "--schema", """{"enum":[1,2]}""", "--format", "json"], WithKey, cancellationToken: Stop);
        Assert.Contains(shaped.Json.GetProperty("text").GetString()!.Trim(), (string[])["1", "2"]);

        Func<CliHost, CliHost> talking = host => WithKey(host) with { OpenInput = () => new StringReader("Hello\n/model other\n/exit\n") };
        CliOutcome chat = await InProcess.RunAsync(folder.Path, ["chat", .. command[1..2], .. command[3..]], talking, cancellationToken: Stop);
        Assert.Equal((0, expected.Text.TrimEnd('\n')), (chat.ExitCode, chat.Out.TrimEnd('\n')));
        Assert.Contains("keeps its model", chat.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheCommandLineHasAServerReadAndJudge()
    {
        using TemporaryFolder folder = new();
        string ranker = System.IO.Path.Combine(folder.Path, "ranker.gguf");
        await TinyRanker.XlmRoberta().ConvertAsync(ranker);
        await File.WriteAllLinesAsync(System.IO.Path.Combine(folder.Path, "documents.txt"), ["the cat", "hello world", "a"], Stop);
        await File.WriteAllLinesAsync(System.IO.Path.Combine(folder.Path, "texts.jsonl"), ["""{"id":"1","text":"the cat"}""", $$"""{"id":"2","text":"{{string.Concat(Enumerable.Repeat("word ", 600))}}"}""", """{"id":"3","text":"a"}"""], Stop);
        string bert = GoldenLogits.PathOf("bert", "f32");
        await using InferenceServer server = await StartAsync(new OfferedModel("bert", bert), new OfferedModel("ranker", ranker));
        Task<CliOutcome> RunAsync(params string[] arguments) => InProcess.RunAsync(folder.Path, [.. arguments, "--format", "json"], WithKey, cancellationToken: Stop);
        string[] elsewhere = ["--endpoint", server.Endpoint.ToString()];

        // The same records as from the models here.
        JsonElement vectors = (await RunAsync(["embed", "bert", "the cat", "hello", "--similar-to", "hello", .. elsewhere])).Json;
        JsonElement expected = (await RunAsync("embed", bert, "the cat", "hello", "--similar-to", "hello")).Json;
        Assert.Equal("bert", vectors.GetProperty("model").GetString());
        Assert.Equal(expected.GetProperty("tokens").GetInt32(), vectors.GetProperty("tokens").GetInt32());
        foreach ((JsonElement here, JsonElement there) in expected.GetProperty("embeddings").EnumerateArray().Zip(vectors.GetProperty("embeddings").EnumerateArray()))
        {
            Assert.Equal(here.GetProperty("text").GetString(), there.GetProperty("text").GetString());
            Assert.Equal(here.GetProperty("similarity").GetDouble(), there.GetProperty("similarity").GetDouble(), 1e-5);
            Assert.All(here.GetProperty("embedding").EnumerateArray().Zip(there.GetProperty("embedding").EnumerateArray()), pair => Assert.Equal(pair.First.GetSingle(), pair.Second.GetSingle(), 1e-5f));
        }
        JsonElement judged = (await RunAsync(["rerank", "ranker", "hello", "--documents", "documents.txt", .. elsewhere])).Json;
        JsonElement ranking = (await RunAsync("rerank", ranker, "hello", "--documents", "documents.txt")).Json;
        Assert.Equal(3, judged.GetProperty("documents").GetArrayLength());
        foreach ((JsonElement here, JsonElement there) in ranking.GetProperty("documents").EnumerateArray().Zip(judged.GetProperty("documents").EnumerateArray()))
        {
            Assert.Equal((here.GetProperty("document").GetString(), here.GetProperty("id").GetString()), (there.GetProperty("document").GetString(), there.GetProperty("id").GetString()));
            Assert.Equal(here.GetProperty("score").GetDouble(), there.GetProperty("score").GetDouble(), 1e-4);
        }

        // A text that is too long fails alone.
        CliOutcome table = await InProcess.RunAsync(folder.Path, ["embed", "bert", "--input", "texts.jsonl", .. elsewhere], WithKey, cancellationToken: Stop);
        Assert.Equal(1, table.ExitCode);
        List<JsonElement> rows = [.. table.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];
        Assert.Equal("ContextFull", rows[1].GetProperty("error").GetProperty("id").GetString());
        Assert.Equal((32, 32), (rows[0].GetProperty("embedding").GetArrayLength(), rows[2].GetProperty("embedding").GetArrayLength()));

        // What a server cannot be told or does not have.
        Assert.Equal(2, (await RunAsync(["embed", "bert", "a", "--pooling", "mean", .. elsewhere])).ExitCode);
        Assert.Equal(2, (await RunAsync(["embed", "bert", "a", "--isolate", .. elsewhere])).ExitCode);
        Assert.Equal(2, (await RunAsync(["rerank", "ranker", "hello", "--documents", "documents.txt", "--threads", "1", .. elsewhere])).ExitCode);
        Assert.Equal(2, (await RunAsync(["rerank", "bert", "hello", "--documents", "documents.txt", .. elsewhere])).ExitCode);
        Assert.Equal(2, (await RunAsync(["embed", "auto", "a", .. elsewhere])).ExitCode);
        Assert.Equal(3, (await RunAsync(["embed", "other", "a", .. elsewhere])).ExitCode);
        Assert.Equal(4, (await InProcess.RunAsync(folder.Path, ["embed", "bert", "a", .. elsewhere], cancellationToken: Stop)).ExitCode);
    }

    private static CliHost WithKey(CliHost host) => host with { Environment = name => name == EndpointOptions.ApiKeyVariable ? Key : host.Environment(name) };

    private static Task<InferenceServer> StartAsync(string path) => StartAsync(new OfferedModel("demo", path));

    private static Task<InferenceServer> StartAsync(params OfferedModel[] models) => InferenceServer.StartAsync(new InferenceOptions
    {
        Models = models,
        Runner = () => new InProcessRunner(),
        Keys = [Key],
        Parallel = 1,
        Threads = 1,
        Wish = new FitRequest { ContextLength = 256, GpuLayers = 0 },
    });
}
