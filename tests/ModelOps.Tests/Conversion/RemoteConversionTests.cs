using System.Net;
using System.Security.Cryptography;
using ModelOps.Server;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Hub;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Conversions of what is on a hub, against the conversion of the same files from a snapshot of the store: the same bytes.</summary>
public sealed class RemoteConversionTests : IAsyncLifetime
{
    private const string Repository = "lab/tiny-model";
    private readonly TemporaryFolder _folder = new();
    private HubServer? _server;

    public async ValueTask InitializeAsync()
    {
        Directory.CreateDirectory(_folder.File("hub"));
        _server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder.File("hub") });
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("llama", "BF16")]
    [InlineData("mistral", "Q4_0")] // two shards
    [InlineData("gemma3", "Q8_0")]
    [InlineData("qwen3moe", "F32")] // experts that lie apart
    [InlineData("gpt-oss", "BF16")] // blocks that are moved
    [InlineData("gemma3n", "Q6_K")] // rows added
    [InlineData("nvfp4", "BF16")] // factors that the plan reads
    [InlineData("ct-int4", "Q8_0")] // shapes that the plan reads
    [InlineData("gptq-v1", "Q4_0")]
    [InlineData("fp8-block", "Q4_0")]
    [InlineData("bert", "F16")] // pooling in a folder of its own
    [InlineData("qwen3-embedding", "BF16")]
    public async Task BytesAreThoseOfTheInstalledModel(string golden, string type)
    {
        Serve(Path.Combine(TestPaths.Golden(golden), "hf"));
        using var hub = Client();
        await AssertSameAsLocalAsync(hub, new ConversionOptions { Type = type });
    }

    [Fact]
    public async Task LatticeIsFoundOverTheNetwork()
    {
        Serve(TestPaths.Model("demo-gemma-qat"));
        using var hub = Client();
        var result = await AssertSameAsLocalAsync(hub, new ConversionOptions { Type = "Q4_0" });
        Assert.Equal(1, result.LatticeExactFraction);
    }

    [Fact]
    public async Task GgufIsRequantised()
    {
        var shards = TestGguf.Split(Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf"), Directory.CreateDirectory(_folder.File("hub/lab/tiny-model")).FullName, 3);
        using var hub = Client();
        var variant = await RemoteSource.FindAsync(hub, Repository, cancellationToken: TestContext.Current.CancellationToken);
        var result = await AssertSameAsLocalAsync(hub, new ConversionOptions { Type = "Q4_0" }, Path.GetFileName(shards[0]));
        Assert.Equal(result.Inputs.Select(input => input.Name), shards.Select(Path.GetFileName));
        Assert.Equal(ModelKind.Gguf, variant.Kind);
    }

    /// <summary>Every connection for weights is cut in the middle, some requests fail, one hub asks to wait: the bytes are the same.</summary>
    [Theory]
    [InlineData(BodyFault.Truncate)]
    [InlineData(BodyFault.Reset)]
    public async Task DroppedConnectionsAreTakenUp(BodyFault fault)
    {
        Serve(TestPaths.Model("demo-llama"));
        var weights = 0;
        var network = new FaultHandler
        {
            Answer = (request, number) => number % 7 == 3 && request.IsContent ? FaultHandler.Status(number % 2 == 0 ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.BadGateway) : null,
            Change = async (request, _, response) =>
            {
                if (!request.IsContent || response.StatusCode != HttpStatusCode.PartialContent || Interlocked.Increment(ref weights) % 2 == 0)
                    return;
                var content = await response.Content.ReadAsByteArrayAsync();
                var headers = response.Content.Headers;
                response.Content = new StreamContent(new FaultyBody(content, content.Length / 2, fault));
                response.Content.Headers.ContentRange = headers.ContentRange;
                response.Content.Headers.ContentLength = content.Length;
            },
        };
        using var hub = Client(network);
        await AssertSameAsLocalAsync(hub, new ConversionOptions { Type = "Q8_0", KeepLattice = false });
        Assert.True(weights > 2);
    }

    [Fact]
    public async Task EveryWeightIsAskedForOnce()
    {
        Serve(TestPaths.Model("demo-llama"));
        var network = new FaultHandler();
        using var hub = Client(network);
        var plan = await PlanAsync(hub, new ConversionOptions { Type = "Q8_0" });
        var before = network.AskedBytes;
        await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(plan.DownloadBytes, network.AskedBytes - before);
        Assert.InRange(plan.DownloadBytes, 1, new FileInfo(Path.Combine(TestPaths.Model("demo-llama"), "model.safetensors")).Length);
    }

    [Fact]
    public async Task TokenStaysWithTheHub()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var network = new FaultHandler();
        using var hub = new HubClient(new HubOptions { Endpoint = _server!.Endpoint, Token = "hf_secret", CreateHandler = () => network });
        await ModelConverter.RunAsync(await PlanAsync(hub, new ConversionOptions()), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains(network.Requests, request => request.IsContent);
        Assert.All(network.Requests, request => Assert.Equal(Authority(request.Address) == Authority(_server.Endpoint), request.Authorization is not null));

        static string Authority(Uri address) => address.GetLeftPart(UriPartial.Authority);
    }

    [Fact]
    public async Task FileThatChangesMeanwhileIsRefused()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var changed = false;
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (changed && request.IsContent)
                    response.Headers.ETag = new System.Net.Http.Headers.EntityTagHeaderValue("\"another\"");
                return Task.CompletedTask;
            },
        };
        using var hub = Client(network);
        var plan = await PlanAsync(hub, new ConversionOptions { Type = "Q4_0" });
        changed = true;
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.ChecksumMismatch, error.Kind);
        Assert.False(File.Exists(plan.Output));
    }

    [Fact]
    public async Task FileOfAnotherLengthIsRefused()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var cut = false;
        var network = new FaultHandler
        {
            Change = (request, _, response) =>
            {
                if (cut && request.IsContent && response.Content.Headers.ContentRange is { } range)
                    response.Content.Headers.ContentRange = new(range.From!.Value, range.To!.Value, range.Length!.Value + 1);
                return Task.CompletedTask;
            },
        };
        using var hub = Client(network);
        var plan = await PlanAsync(hub, new ConversionOptions());
        cut = true;
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.ChecksumMismatch, error.Kind);
        Assert.Contains("bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CommitIsPinned()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var network = new FaultHandler();
        using var hub = Client(network);
        var variant = await RemoteSource.FindAsync(hub, Repository, cancellationToken: TestContext.Current.CancellationToken);
        var plan = await ConversionPlan.CreateAsync(hub, variant, _folder.File("remote.gguf"), new ConversionOptions(), TestContext.Current.CancellationToken);
        await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(network.Requests.Where(request => request.IsResolve), request => Assert.Contains(variant.Commit, request.Address.AbsolutePath, StringComparison.Ordinal));
        Assert.Equal($"{Repository}@{variant.Commit}", plan.Source);
        Assert.Equal("https://huggingface.co/" + Repository, plan.Metadata.GetString("general.source.repo_url"));
    }

    [Fact]
    public async Task WhatCannotBeConvertedIsSaidWithoutADownload()
    {
        var folder = Directory.CreateDirectory(_folder.File("hub/lab/pickled")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), "{}");
        File.WriteAllText(Path.Combine(folder, "pytorch_model.bin"), "pickle");
        var adapter = Directory.CreateDirectory(_folder.File("hub/lab/adapter")).FullName;
        File.WriteAllText(Path.Combine(adapter, "adapter_config.json"), "{}");
        using var hub = Client();
        Assert.Contains("pytorch_model.bin", (await FailsAsync(hub, "lab/pickled", ErrorKind.VariantNotFound)).Message, StringComparison.Ordinal);
        Assert.Contains("adapter", (await FailsAsync(hub, "lab/adapter", ErrorKind.VariantNotFound)).Message, StringComparison.Ordinal);
        await FailsAsync(hub, "lab/nothing", ErrorKind.RepositoryNotFound);
        using var offline = new HubClient(new HubOptions { Endpoint = _server!.Endpoint, Offline = true });
        await FailsAsync(offline, "lab/pickled", ErrorKind.Offline);

        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"), config => config.Replace("LlamaForCausalLM", "UnheardOfForCausalLM", StringComparison.Ordinal));
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => PlanAsync(hub, new ConversionOptions()));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, error.Kind);
        Assert.DoesNotContain(Path.GetTempPath(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GatedRepositorySaysWhereToAsk()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        using var hub = Client(new FaultHandler { Answer = (request, _) => request.IsResolve ? FaultHandler.Status(HttpStatusCode.Forbidden, "GatedRepo", "gated") : null });
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => PlanAsync(hub, new ConversionOptions()));
        Assert.Equal(ErrorKind.GatedRepository, error.Kind);
    }

    [Fact]
    public async Task CommandLineConvertsFromTheHub()
    {
        Serve(Path.Combine(TestPaths.Golden("llama"), "hf"));
        var planned = await InProcess.RunAsync(_folder.Path, ["convert", Repository, "--remote", "--type", "q8_0", "--dry-run", "--format", "json"], endpoint: _server!.Endpoint.AbsoluteUri);
        Assert.InRange(planned.Json.GetProperty("downloadBytes").GetInt64(), 1, long.MaxValue);
        Assert.False(File.Exists(_folder.File("tiny-model-Q8_0.gguf")));
        var done = await InProcess.RunAsync(_folder.Path, ["convert", Repository, "--remote", "--type", "q8_0", "--format", "json"], endpoint: _server.Endpoint.AbsoluteUri);
        Assert.Equal(_folder.File("tiny-model-Q8_0.gguf"), done.Json.GetProperty("output").GetString());
        Assert.Equal(planned.Json.GetProperty("bytes").GetInt64(), new FileInfo(_folder.File("tiny-model-Q8_0.gguf")).Length);
    }

    private static async Task<ModelOpsException> FailsAsync(HubClient hub, string repository, ErrorKind kind)
    {
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => RemoteSource.FindAsync(hub, repository));
        Assert.Equal(kind, error.Kind);
        return error;
    }

    private void Serve(string checkpoint, Func<string, string>? changeConfig = null)
    {
        var folder = Directory.CreateDirectory(_folder.File("hub/" + Repository)).FullName;
        foreach (var file in Directory.EnumerateFiles(checkpoint, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(checkpoint, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
        var config = Path.Combine(folder, "config.json");
        if (changeConfig is not null)
            File.WriteAllText(config, changeConfig(File.ReadAllText(config)));
    }

    private HubClient Client(FaultHandler? network = null)
    {
        var options = new HubOptions { Endpoint = _server!.Endpoint, Time = new FakeTime() };
        return new HubClient(network is null ? options : options with { CreateHandler = () => network });
    }

    private async Task<ConversionPlan> PlanAsync(HubClient hub, ConversionOptions options)
        => await ConversionPlan.CreateAsync(hub, await RemoteSource.FindAsync(hub, Repository, cancellationToken: TestContext.Current.CancellationToken), _folder.File("remote.gguf"), options, TestContext.Current.CancellationToken);

    /// <summary>Converts over the network, and from the layout that a store has; compares the files.</summary>
    private async Task<ConversionResult> AssertSameAsLocalAsync(HubClient hub, ConversionOptions options, string file = "")
    {
        options = options with { Provenance = true };
        var plan = await PlanAsync(hub, options);
        Assert.Equal(Repository, plan.Metadata.GetString("modelops.source.repository"));
        Assert.EndsWith(plan.Metadata.GetString("modelops.source.commit"), plan.Source, StringComparison.Ordinal);
        var result = await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        var snapshot = _folder.File($"models--{Repository.Replace("/", "--", StringComparison.Ordinal)}/snapshots/{plan.Source.Split('@')[1]}");
        Directory.CreateDirectory(Path.GetDirectoryName(snapshot)!);
        Directory.Move(_folder.File("hub/" + Repository), snapshot);
        var local = ConversionPlan.Create(Path.Join(snapshot, file), _folder.File("local.gguf"), options);
        Assert.Equal(0, local.DownloadBytes);
        Assert.InRange(plan.DownloadBytes, 1, plan.Inputs.Sum(input => input.Bytes));
        Assert.All(plan.Inputs, input => Assert.NotNull(input.Sha256));
        Assert.Equal(local.Tensors, plan.Tensors, (x, y) => (x.Name, x.Type, x.Bytes, x.Offset, x.Lattice) == (y.Name, y.Type, y.Bytes, y.Offset, y.Lattice));
        await ModelConverter.RunAsync(local, cancellationToken: TestContext.Current.CancellationToken);
        AssertSame("local.gguf", "remote.gguf");
        return result;
    }

    private void AssertSame(string expected, string actual)
        => Assert.Equal(Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.File(expected)))), Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder.File(actual)))));
}
