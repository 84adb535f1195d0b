using System.Text.Json;
using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>The JSON that scripts rely on, name by name (design.md, "Contracts that scripts rely on"), on the demo models.</summary>
public sealed class ContractTests(ContractTests.House house) : IClassFixture<ContractTests.House>
{
    private const string Repository = "modelops/demo-gemma-qat";

    private static readonly string[] Tensor = ["name", "type", "bytes", "exactWeights", "weights"];

    [Fact]
    public async Task Search()
    {
        var json = await house.JsonAsync("search", "gemma");

        var model = Assert.Single(json.GetProperty("models").EnumerateArray());
        AssertHas(model, "repository", "downloads", "likes", "lastModified", "pipeline", "license", "gated", "tags");
        Assert.Equal(Repository, model.GetProperty("repository").GetString());
    }

    [Fact]
    public async Task Show()
    {
        var json = await house.JsonAsync("show", Repository);

        AssertHas(json, "repository", "commit", "summary", "variants");
        var variant = Assert.Single(json.GetProperty("variants").EnumerateArray());
        AssertHas(variant, "name", "kind", "bytes", "files", "fits");
        Assert.Equal("checkpoint", variant.GetProperty("kind").GetString());
        Assert.True(variant.GetProperty("fits").GetBoolean());
        AssertHas(variant.GetProperty("files")[0], "path", "bytes", "sha256");
    }

    [Fact]
    public async Task PullAndItsPlan()
    {
        var json = await house.JsonAsync("pull", Repository);

        AssertHas(json, "repository", "commit", "files");
        var weights = json.GetProperty("files").EnumerateArray().Single(file => file.GetProperty("path").GetString() == "model.safetensors");
        AssertHas(weights, "path", "bytes", "sha256");
        var content = await File.ReadAllBytesAsync(Path.Combine(TestPaths.Model("demo-gemma-qat"), "model.safetensors"));
        Assert.Equal(content.LongLength, weights.GetProperty("bytes").GetInt64());
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)), weights.GetProperty("sha256").GetString());

        var plan = await house.JsonAsync("pull", Repository, "--dry-run");
        AssertHas(plan, "repository", "revision", "commit", "variant", "directory", "files", "bytes", "bytesToFetch", "diskFreeBytes");
        Assert.Equal(0, plan.GetProperty("bytesToFetch").GetInt64());
    }

    [Fact]
    public async Task List()
    {
        var json = await house.JsonAsync("list");

        AssertHas(json, "store", "models");
        AssertHas(json.GetProperty("models")[0], "repository", "commit", "variant", "kind", "path", "bytes", "files", "lastUsed");
    }

    [Fact]
    public async Task ConvertAndItsPlan()
    {
        var plan = await house.JsonAsync("convert", Repository, "--type", "q4_0", "--dry-run", "--output", "planned.gguf");
        Assert.False(File.Exists(house.File("planned.gguf")));
        var json = await house.JsonAsync("convert", Repository, "--type", "q4_0", "--output", "planned.gguf");

        AssertHas(json, "output", "bytes", "type", "tensors", "exactFraction", "seconds");
        Assert.All(json.GetProperty("tensors").EnumerateArray(), tensor => AssertHas(tensor, Tensor));
        Assert.Equal("Q4_0", json.GetProperty("type").GetString());
        Assert.Contains(json.GetProperty("tensors").EnumerateArray(), tensor => tensor.GetProperty("type").GetString() == "Q4_0");
        // The plan was the plan.
        Assert.Equal(plan.GetProperty("bytes").GetInt64(), json.GetProperty("bytes").GetInt64());
        Assert.Equal(new FileInfo(house.File("planned.gguf")).Length, json.GetProperty("bytes").GetInt64());
        Assert.Equal(
            plan.GetProperty("tensors").EnumerateArray().Select(tensor => $"{tensor.GetProperty("name")} {tensor.GetProperty("type")} {tensor.GetProperty("bytes")} {tensor.GetProperty("lattice")}"),
            json.GetProperty("tensors").EnumerateArray().Select(tensor => $"{tensor.GetProperty("name")} {tensor.GetProperty("type")} {tensor.GetProperty("bytes")} {tensor.GetProperty("lattice")}"));
    }

    [Fact]
    public async Task ConvertDoesNotReplaceUnasked()
    {
        await File.WriteAllTextAsync(house.File("taken.gguf"), "GGUF of mine");

        var refused = await house.RunAsync("convert", Repository, "--type", "BF16", "--output", "taken.gguf", "--format", "json");
        Assert.Equal(2, refused.ExitCode);
        Assert.Equal("GGUF of mine", await File.ReadAllTextAsync(house.File("taken.gguf")));

        var forced = await house.RunAsync("convert", Repository, "--type", "BF16", "--output", "taken.gguf", "--force");
        Assert.Equal(0, forced.ExitCode);
        Assert.NotEqual("GGUF of mine", await File.ReadAllTextAsync(house.File("taken.gguf")));
    }

    [Fact]
    public async Task Info()
    {
        var json = await house.JsonAsync("info", house.Bf16);
        var full = await house.JsonAsync("info", house.Bf16, "--full");

        AssertHas(json, "architecture", "parameters", "contextLength", "quantization", "bytes", "metadata", "tensors");
        Assert.All(json.GetProperty("tensors").EnumerateArray(), tensor => AssertHas(tensor, "name", "type", "shape", "bytes"));
        Assert.Equal("gemma3", json.GetProperty("architecture").GetString());
        Assert.Equal(3_611_648, json.GetProperty("parameters").GetInt64());
        Assert.Equal("""{"count":1024,"type":"string"}""", Compact(json.GetProperty("metadata").GetProperty("tokenizer.ggml.tokens")));
        Assert.Equal(1024, full.GetProperty("metadata").GetProperty("tokenizer.ggml.tokens").GetArrayLength());
    }

    [Fact]
    public async Task InfoOfACheckpoint()
    {
        var json = await house.JsonAsync("info", Repository);

        Assert.Equal("checkpoint", json.GetProperty("kind").GetString());
        Assert.Equal(3_611_648, json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public async Task Fit()
    {
        var json = await house.JsonAsync("fit", house.Bf16, "--context", "512", "--gpu-layers", "auto", "--kv-type", "q8_0", "--batch", "128", "--flash-attention", "on");

        AssertFit(json);
        Assert.Equal(512, json.GetProperty("contextLength").GetInt32());
    }

    [Fact]
    public async Task FitOfWhatIsNotInstalledIsTheSameAsOfWhatIs()
    {
        var remote = await house.JsonAsync("fit", Repository, "--context", "512", "--store", house.File("another-store"));
        var local = await house.JsonAsync("fit", house.Bf16, "--context", "512");

        AssertFit(remote);
        Assert.False(Directory.Exists(house.File("another-store")));
        Assert.Equal(local.GetProperty("devices")[0].GetProperty("totalBytes").GetInt64(), remote.GetProperty("devices")[0].GetProperty("totalBytes").GetInt64());
    }

    [Fact]
    public async Task ExactAsksTheEngineAboutFileAndHubAlike()
    {
        var local = (await house.JsonAsync("fit", house.Bf16, "--context", "512", "--gpu-layers", "0", "--exact")).GetProperty("exact");
        var remote = (await house.JsonAsync("fit", Repository, "--context", "512", "--gpu-layers", "0", "--exact", "--store", house.File("another-store"))).GetProperty("exact");

        AssertHas(local, "engine", "parts", "formulaBytes", "engineBytes", "differenceBytes", "failure");
        AssertHas(local.GetProperty("parts")[0], "device", "part", "formulaBytes", "engineBytes", "differenceBytes", "differencePercent");
        Assert.StartsWith("llama.cpp ", local.GetProperty("engine").GetString());
        Assert.Equal("weights", local.GetProperty("parts")[0].GetProperty("part").GetString());
        Assert.Equal(Compact(local.GetProperty("parts")), Compact(remote.GetProperty("parts")));
    }

    [Fact]
    public async Task ExactIsATableForPeople()
    {
        var outcome = await house.RunAsync("fit", house.Bf16, "--context", "512", "--gpu-layers", "0", "--exact");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches(@"llama\.cpp .* +Part +Formula +Engine +Difference", outcome.Out);
        Assert.Matches(@"KV cache +([0-9.]+ [KM]iB) +\1 +0 B +0.00 %", outcome.Out);
    }

    [Fact]
    public async Task ExactIsOfThisMachineOnly()
    {
        var outcome = await house.RunAsync("fit", house.Bf16, "--exact", "--machine", "ref:cpu-16");

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("only be asked about the machine", outcome.Error);
    }

    [Fact]
    public async Task WhatDoesNotFitExitsWithFiveAndTheWholeResult()
    {
        var machine = """
            {"name":"small","operatingSystem":"os","architecture":"x64","processor":"p","physicalCores":1,"logicalProcessors":1,
             "devices":[{"name":"CPU","kind":"cpu","totalBytes":1000000,"freeBytes":1000000,"bandwidthBytesPerSecond":1e9}]}
            """;
        await File.WriteAllTextAsync(house.File("small.json"), machine);

        var outcome = await house.RunAsync("fit", house.Bf16, "--machine", "small.json", "--format", "json");

        Assert.Equal(5, outcome.ExitCode);
        AssertFit(outcome.Json);
        Assert.False(outcome.Json.GetProperty("fits").GetBoolean());
        Assert.NotEqual(0, outcome.Json.GetProperty("advice").GetArrayLength());
    }

    [Fact]
    public async Task Run()
    {
        var json = await house.JsonAsync("run", house.Bf16, "What is the capital of France?", "--temperature", "0", "--max-tokens", "32");

        AssertHas(json, "text", "tokens", "promptTokens", "promptTokensPerSecond", "tokensPerSecond", "finishReason");
        Assert.Contains("Paris", json.GetProperty("text").GetString());
        Assert.Equal("stop", json.GetProperty("finishReason").GetString());
    }

    [Fact]
    public async Task RunStreamsTextAndKeepsFiguresApart()
    {
        var json = await house.JsonAsync("run", house.Bf16, "What is the capital of France?", "--temperature", "0", "--max-tokens", "5");
        var text = await house.RunAsync("run", house.Bf16, "What is the capital of France?", "--temperature", "0", "--max-tokens", "5");

        Assert.Equal(json.GetProperty("text").GetString() + "\n", text.Out);
        Assert.Contains("tokens/s", text.Error);
    }

    [Fact]
    public async Task Measure()
    {
        await File.WriteAllTextAsync(house.File("short.txt"), (await File.ReadAllTextAsync(TestPaths.EvalText))[..4000]);

        var alone = await house.JsonAsync("measure", house.Bf16, "--text", "short.txt", "--context", "128");
        var compared = await house.JsonAsync("measure", house.Bf16, "--text", "short.txt", "--context", "128", "--reference", house.Bf16);

        AssertHas(alone, "tokens", "perplexity", "kld", "top1Agreement");
        Assert.Equal(JsonValueKind.Null, alone.GetProperty("kld").ValueKind);
        Assert.Equal(1, compared.GetProperty("top1Agreement").GetDouble());
        Assert.InRange(compared.GetProperty("kld").GetDouble(), -1e-9, 1e-9);
        Assert.Equal(alone.GetProperty("perplexity").GetDouble(), compared.GetProperty("perplexity").GetDouble(), 1e-6);
    }

    [Fact]
    public async Task Bench()
    {
        var json = await house.JsonAsync("bench", house.Bf16, "--prompt", "16", "--generate", "4", "-r", "2", "-d", "8", "--threads", "1");

        AssertHas(json, "model", "architecture", "bytes", "parameters", "engine", "threads", "gpuLayers", "promptTokens", "generatedTokens", "depth", "promptTokensPerSecond", "tokensPerSecond");
        AssertHas(json.GetProperty("tokensPerSecond"), "median", "low", "high", "deviation", "samples");
        Assert.Equal(2, json.GetProperty("promptTokensPerSecond").GetProperty("samples").GetArrayLength());
        Assert.Equal(8, json.GetProperty("depth").GetInt32());
        var text = await house.RunAsync("bench", house.Bf16, "--prompt", "16", "--generate", "0", "-r", "1");
        Assert.Contains("prompt of 16", text.Out);
        Assert.DoesNotContain("generating", text.Out);
        foreach (var arguments in (string[][])[["bench"], ["bench", house.Bf16, "--calibrate"], ["bench", house.Bf16, "--prompt", "0", "--generate", "0"]])
        {
            Assert.Equal(2, (await house.RunAsync(arguments)).ExitCode);
        }
    }

    [Fact]
    public async Task Hardware()
    {
        var json = await house.JsonAsync("hardware");

        AssertHas(json, "name", "operatingSystem", "architecture", "processor", "physicalCores", "logicalProcessors", "devices", "diskFreeBytes");
        AssertHas(json.GetProperty("devices")[0], "name", "kind", "totalBytes", "freeBytes", "bandwidthBytesPerSecond");
        Assert.Equal("cpu", json.GetProperty("devices")[0].GetProperty("kind").GetString());
    }

    private static void AssertFit(JsonElement json)
    {
        AssertHas(json, "fits", "contextLength", "gpuLayers", "devices", "tokensPerSecond", "advice");
        AssertHas(json.GetProperty("devices")[0], "name", "kind", "weightsBytes", "kvCacheBytes", "stateBytes", "computeBytes", "overheadBytes", "totalBytes", "freeBytes");
        AssertHas(json.GetProperty("tokensPerSecond"), "low", "high");
    }

    private static void AssertHas(JsonElement json, params string[] names)
        => Assert.Superset(names.ToHashSet(), json.EnumerateObject().Select(property => property.Name).ToHashSet());

    private static string Compact(JsonElement json) => JsonSerializer.Serialize(json);

    /// <summary>A hub with the demo models, a store with one of them pulled from it, and its BF16 file.</summary>
    public sealed class House : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();
        private HubServer? _hub;

        public string Bf16 => File("demo-gemma-qat-BF16.gguf");

        public string File(string name) => _folder.File(name);

        public async ValueTask InitializeAsync()
        {
            _hub = await HubServer.StartAsync(new HubServerOptions { Directory = TestPaths.DemoHub });
            await JsonAsync("pull", Repository);
            await JsonAsync("convert", Repository, "--type", "BF16");
        }

        public async Task<JsonElement> JsonAsync(params string[] args)
        {
            var outcome = await RunAsync([.. args, "--format", "json"]);
            Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
            Assert.Equal("schemaVersion", outcome.Json.EnumerateObject().First().Name);
            Assert.Equal(1, outcome.Json.GetProperty("schemaVersion").GetInt32());
            return outcome.Json;
        }

        internal Task<CliOutcome> RunAsync(params string[] args) => InProcess.RunAsync(_folder.Path, args, endpoint: _hub!.Endpoint.AbsoluteUri);

        public async ValueTask DisposeAsync()
        {
            if (_hub is not null)
            {
                await _hub.DisposeAsync();
            }
            _folder.Dispose();
        }
    }
}
