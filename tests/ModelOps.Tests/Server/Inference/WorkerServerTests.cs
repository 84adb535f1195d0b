using System.Text.Json;
using ModelOps.Server.Inference;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>Real models in worker processes: one that makes the engine abort, beside one that does not.</summary>
public sealed class WorkerServerTests(DemoModels models)
{
    [Fact]
    public async Task AnAbortCostsItsModelsRequestAndNothingElse()
    {
        using EditedGguf aborting = AbortingModel.Create();
        await using InferenceServer server = await InferenceServer.StartAsync(DemoServer.Options(new OfferedModel("good", await models.Gguf("demo-gemma", "Q8_0")), new OfferedModel("bad", aborting.Path)));
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server.Endpoint };

        Assert.Equal(200, await AskAsync("good"));
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(502, await AskAsync("bad"));
            Assert.Equal(200, await AskAsync("good"));
        }

        async Task<int> AskAsync(string model)
        {
            using var content = new StringContent($$"""{"model":"{{model}}","prompt":"hello","max_tokens":4}""");
            using HttpResponseMessage response = await client.PostAsync("/v1/completions", content);
            string text = await response.Content.ReadAsStringAsync();
            Assert.DoesNotContain(aborting.Path, text, StringComparison.Ordinal);
            return (int)response.StatusCode;
        }
    }

    [Theory]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hello"}]}""")]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hello"}],"stream":true}""")]
    [InlineData("/v1/completions", """{"prompt":"hello"}""")]
    [InlineData("/v1/rerank", """{"query":"hello","documents":["hello"]}""")]
    public async Task WhatAModelIsNotForIsTheClientsMistake(string path, string body)
    {
        string model = GoldenLogits.PathOf("bert", "f32");
        await using InferenceServer server = await InferenceServer.StartAsync(DemoServer.Options(new OfferedModel("vectors", model)) with { Wish = new FitRequest { ContextLength = 64, GpuLayers = 0 } });
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server.Endpoint };

        using HttpResponseMessage response = await client.PostAsync(path, new StringContent(body));
        string text = await response.Content.ReadAsStringAsync();
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains(path == "/v1/rerank" ? "not trained to judge" : "embedding model", JsonElement.Parse(text).GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        using HttpResponseMessage vectors = await client.PostAsync("/v1/embeddings", new StringContent("""{"input":"hello"}"""));
        Assert.Equal(200, (int)vectors.StatusCode);
    }

    [Fact]
    public async Task AKilledWorkerIsReplacedAtTheNextRequest()
    {
        var runners = new List<WorkerRunner>();
        InferenceOptions options = DemoServer.Options(new OfferedModel("good", await models.Gguf("demo-gemma", "Q8_0")));
        await using InferenceServer server = await InferenceServer.StartAsync(options with
        {
            Runner = () =>
            {
                var runner = (WorkerRunner)options.Runner();
                runners.Add(runner);
                return runner;
            },
        });
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = server.Endpoint };
        string before = await AskAsync();
        int id = runners[0].WorkerId!.Value;
        using (var process = System.Diagnostics.Process.GetProcessById(id))
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        Assert.Equal(before, await AskAsync());
        Assert.NotEqual(id, runners[^1].WorkerId);

        async Task<string> AskAsync()
        {
            using HttpResponseMessage response = await client.PostAsync("/v1/completions", new StringContent("""{"prompt":"Once upon a time","max_tokens":12,"temperature":0}"""));
            Assert.Equal(200, (int)response.StatusCode);
            return JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("choices")[0].GetProperty("text").GetString()!;
        }
    }
}
