using System.Text.Json;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops embed</c> and <c>modelops rerank</c>; what the vectors must be, the engine's tests say.</summary>
public sealed class EmbedCommandTests : IDisposable
{
    private static readonly string Model = GoldenLogits.PathOf("bert", "f32");

    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-embed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task TextsHaveTheEnginesVectorsAndTheMostAlikeComeFirst()
    {
        string[] texts = ["the cat sat on the mat", "hello world", "one two three"];
        var plain = (await RunAsync(["embed", Model, .. texts, "--format", "json"])).Json;
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = Model });
        var expected = await engine.EmbedAsync(new EmbeddingRequest { Texts = texts });
        Assert.Equal(texts, plain.GetProperty("embeddings").EnumerateArray().Select(item => item.GetProperty("text").GetString()));
        foreach (var (item, vector) in plain.GetProperty("embeddings").EnumerateArray().Zip(expected.Vectors))
        {
            Assert.All(Vector(item).Zip(vector), pair => Assert.Equal(pair.Second, pair.First, 1e-5f));
        }
        Assert.Equal(expected.Tokens, plain.GetProperty("tokens").GetInt32());

        var compared = (await RunAsync(["embed", Model, .. texts, "--similar-to", "hello world", "--format", "json"])).Json.GetProperty("embeddings").EnumerateArray().ToList();
        Assert.Equal("hello world", compared[0].GetProperty("text").GetString());
        Assert.Equal(1, compared[0].GetProperty("similarity").GetDouble(), 1e-6);
        Assert.True(compared[1].GetProperty("similarity").GetDouble() >= compared[2].GetProperty("similarity").GetDouble());
    }

    [Fact]
    public async Task AModelOfVectorsIsNotAskedForText()
    {
        var outcome = await RunAsync("run", Model, "hello", "--raw", "--format", "json");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal("InvalidArgument", outcome.Json.GetProperty("error").GetProperty("id").GetString());
        Assert.Contains("embedding model", outcome.Json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ItemsOfAFileHaveTheirVectorsInTheirRows()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "in.jsonl"), $$"""
            {"id":"a","text":"hello world"}
            {"id":"b","text":"{{string.Concat(Enumerable.Repeat("word ", 600))}}"}
            {"id":"c","text":"the cat"}
            """);
        var outcome = await RunAsync("embed", Model, "--input", "in.jsonl", "--similar-to", "the cat");
        Assert.Equal(1, outcome.ExitCode);
        var rows = outcome.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal("ContextFull", rows[1].GetProperty("error").GetProperty("id").GetString());
        Assert.Equal(1, rows[2].GetProperty("similarity").GetDouble(), 1e-6);
        var alone = (await RunAsync("embed", Model, "hello world", "--format", "json")).Json.GetProperty("embeddings")[0];
        Assert.All(Vector(alone).Zip(Vector(rows[0])), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public async Task VectorsMayBeLeftAsLongAsTheyAre()
    {
        var raw = Vector((await RunAsync("embed", Model, "hello", "--no-normalize", "--pooling", "mean", "--format", "json")).Json.GetProperty("embeddings")[0]);
        var unit = Vector((await RunAsync("embed", Model, "hello", "--pooling", "mean", "--format", "json")).Json.GetProperty("embeddings")[0]);
        var length = Math.Sqrt(raw.Sum(value => (double)value * value));
        Assert.NotEqual(1, length, 1e-3);
        Assert.All(raw.Zip(unit), pair => Assert.Equal(pair.First / length, pair.Second, 1e-5));
    }

    [Fact]
    public async Task AProcessOfItsOwnGivesTheSameVectors()
    {
        string[] texts = ["hello world", "the cat"];
        var here = (await RunAsync(["embed", Model, .. texts, "--format", "json"])).Json.GetProperty("embeddings");
        var apart = (await RunAsync(["embed", Model, .. texts, "--isolate", "--format", "json"])).Json.GetProperty("embeddings");
        Assert.All(here.EnumerateArray().Zip(apart.EnumerateArray()), pair => Assert.Equal(Vector(pair.First), Vector(pair.Second)));
    }

    [Theory]
    [InlineData]
    [InlineData("--isolate")]
    public async Task DocumentsAreJudgedByTheModelsHeadTheBestFirst(params string[] more)
    {
        string[] documents = ["the cat sat on the mat", "hello world", "one two three", "a"];
        var ranker = TinyRanker.XlmRoberta();
        var path = Path.Combine(_folder, "ranker.gguf");
        await ranker.ConvertAsync(path);
        await File.WriteAllLinesAsync(Path.Combine(_folder, "documents.txt"), documents);
        var expected = documents.Zip(await ranker.ScoresAsync(path, "hello", documents)).OrderByDescending(pair => pair.Second).ToList();

        var json = (await RunAsync(["rerank", "ranker.gguf", "hello", "--documents", "documents.txt", "--format", "json", .. more])).Json;

        Assert.Equal("hello", json.GetProperty("query").GetString());
        var judged = json.GetProperty("documents").EnumerateArray().ToList();
        Assert.Equal(expected.Select(pair => pair.First), judged.Select(item => item.GetProperty("document").GetString()));
        Assert.All(expected.Zip(judged), pair => Assert.Equal(pair.First.Second, pair.Second.GetProperty("score").GetDouble(), 1e-3));
        var best = await RunAsync(["rerank", "ranker.gguf", "hello", "--documents", "documents.txt", "--top", "1", .. more]);
        Assert.Contains(expected[0].First, Assert.Single(best.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task WhatIsNoRerankerJudgesNothing()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "documents.txt"), "one\ntwo\n");
        var outcome = await RunAsync("rerank", Model, "query", "--documents", "documents.txt", "--format", "json");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal("InvalidArgument", outcome.Json.GetProperty("error").GetProperty("id").GetString());
        Assert.Equal(3, (await RunAsync("rerank", Model, "query", "--documents", "missing.txt")).ExitCode);
    }

    private Task<CliOutcome> RunAsync(params string[] arguments) => InProcess.RunAsync(_folder, arguments);

    private static List<float> Vector(JsonElement item) => [.. item.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle())];
}
