using System.Text.Json;
using ModelOps.Server.Inference;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>A client that nobody here wrote (npm openai) against the demo model in a worker.</summary>
public sealed class NodeClientTests(DemoModels models)
{
    private const string Key = "sk-node";
    private const string Model = "modelops/demo-gemma:Q8_0";

    [Fact]
    public async Task AForeignClientTalksStreamsCallsAndKeepsToSchemas()
    {
        (string node, string folder) = await NodePackages.RestoreAsync("node-openai");
        string path = await models.Gguf("demo-gemma", "Q8_0");
        await using InferenceServer server = await InferenceServer.StartAsync(DemoServer.Options(new OfferedModel(Model, path)) with { Keys = [Key] });

        using JsonDocument document = JsonDocument.Parse(await NodePackages.RunAsync(node, folder, "client.mjs", $"{server.Endpoint}v1", Key, Model, Model));
        JsonElement seen = document.RootElement;

        Assert.Equal([Model], seen.GetProperty("models").EnumerateArray().Select(model => model.GetString()));
        Assert.Equal(Model, seen.GetProperty("retrieved").GetString());

        // The engine alone says the same.
        ChatMessage[] messages = [new("system", "Be brief."), new("user", "hello")];
        using LlamaEngine engine = await models.Load("demo-gemma", "Q8_0", 512);
        GenerationResult expected = await engine.GenerateAsync(new GenerationRequest { Messages = messages, Temperature = 0, MaxTokens = 24 });
        JsonElement first = seen.GetProperty("first");
        Assert.Equal(expected.Text, first.GetProperty("content").GetString());
        Assert.Equal((expected.PromptTokens, expected.Tokens.Count), Usage(first));
        foreach (string same in (string[])["streamed", "collected"])
            Assert.Equal(expected.Text, seen.GetProperty(same) is { ValueKind: JsonValueKind.String } text ? text.GetString() : seen.GetProperty(same).GetProperty("content").GetString());
        Assert.Equal(Usage(first), Usage(seen.GetProperty("streamed")));
        GenerationResult second = await engine.GenerateAsync(new GenerationRequest { Messages = [.. messages, new ChatMessage("assistant", expected.Text), new ChatMessage("user", "and now?")], Temperature = 0, MaxTokens = 24 });
        Assert.Equal((second.Text, (second.PromptTokens, second.Tokens.Count)), (seen.GetProperty("second").GetProperty("content").GetString(), Usage(seen.GetProperty("second"))));
        Assert.Equal((await engine.GenerateAsync(new GenerationRequest { Prompt = "Once upon a time", Raw = true, Temperature = 0, MaxTokens = 8 })).Text, seen.GetProperty("completion").GetString());

        foreach (string name in (string[])["tool", "streamedTool"])
        {
            JsonElement tool = seen.GetProperty(name);
            Assert.Equal("get_weather", tool.GetProperty("name").GetString());
            Assert.Contains(tool.GetProperty("arguments").GetProperty("city").GetString(), (string[])["Rome", "Oslo"]);
        }
        Assert.Equal("tool_calls", seen.GetProperty("tool").GetProperty("reason").GetString());
        Assert.Contains(seen.GetProperty("schema").GetProperty("colour").GetString(), (string[])["red", "green"]);
        Assert.InRange(seen.GetProperty("schema").GetProperty("count").GetInt32(), 1, 9);

        JsonElement embeddings = seen.GetProperty("embeddings");
        EmbeddingResult vectors = await engine.EmbedAsync(new EmbeddingRequest { Texts = ["a cat sat on the mat", "the stock market fell", "a cat sat on the mat"] });
        Assert.Equal(vectors.Tokens, embeddings.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        foreach (string format in (string[])["base64", "floats"])
            Assert.All(vectors.Vectors.Zip(embeddings.GetProperty(format).EnumerateArray()), pair => Assert.Equal(pair.First, pair.Second.EnumerateArray().Select(value => value.GetSingle()), (one, other) => Math.Abs(one - other) < 1e-4));

        JsonElement failures = seen.GetProperty("failures");
        Assert.Equal(("NotFoundError", 404, "model_not_found"), Failure(failures.GetProperty("model")));
        Assert.Equal(("BadRequestError", 400, "model_is_path"), Failure(failures.GetProperty("path")));
        Assert.Equal(("AuthenticationError", 401, "invalid_api_key"), Failure(failures.GetProperty("key")));
        Assert.Equal(("BadRequestError", 400, "invalid_type"), Failure(failures.GetProperty("type")));
        Assert.Equal(("APIError", 413, "request_too_large"), Failure(failures.GetProperty("huge")));
        Assert.Equal(("BadRequestError", 400, "context_length_exceeded"), Failure(failures.GetProperty("context")));

        static (int, int) Usage(JsonElement answer) => (answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        static (string?, int, string?) Failure(JsonElement failure) => (failure.GetProperty("name").GetString(), failure.GetProperty("status").GetInt32(), failure.GetProperty("code").GetString());
    }
}
