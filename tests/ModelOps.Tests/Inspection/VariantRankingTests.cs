using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Inspection;

public sealed class VariantRankingTests : IDisposable
{
    private const string Repository = "tiny/llama-qat";

    private static readonly string[] Types = ["f32", "f16", "bf16", "q8_0"];

    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-ranking-").FullName;

    public VariantRankingTests()
    {
        Directory.CreateDirectory(Path.Combine(_folder, Repository));
        foreach (var type in Types)
            File.Copy(Golden(type), Path.Combine(_folder, Repository, $"llama-{type.ToUpperInvariant()}.gguf"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Golden(string type) => Path.Combine(TestPaths.Golden("llama"), $"official.{type}.gguf");

    private static ModelShape Shape(string type) => ModelShape.FromGguf(GgufFile.Read(Golden(type)));

    private static long NeedOf(string type, FitRequest request) => FitEstimator.Estimate(Shape(type), Fit.Machines.Cpu(64), request).Devices[0].TotalBytes;

    private static Machine WithMemory(long freeBytes) => Fit.Machines.Of([new Device("CPU", DeviceKind.Cpu, freeBytes, freeBytes, null)]);

    private async Task<IReadOnlyList<RankedVariant>> RankAsync(Machine machine, FitRequest request)
    {
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder }, TestContext.Current.CancellationToken);
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        var variants = await hub.GetVariantsAsync(Repository, cancellationToken: TestContext.Current.CancellationToken);
        return await VariantRanking.RankAsync(hub, variants, machine, request, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task TheMostBitsThatFitAreTheBest()
    {
        var request = new FitRequest { ContextLength = 256 };
        var ranking = await RankAsync(WithMemory(NeedOf("f32", request)), request);
        Assert.Equal(["F32", "BF16", "F16", "Q8_0"], ranking.Select(variant => variant.Variant));
        Assert.Equal([1, 2, 3, 4], ranking.Select(variant => variant.Rank));
        Assert.All(ranking, variant => Assert.True(variant.Fit.Fits && variant.IsQuantizationAware));

        // Of tiny models the vocabulary is most of the file, and no part of a weight.
        Assert.All(ranking, variant => Assert.InRange(variant.BitsPerWeight / Shape(variant.Variant.ToLowerInvariant()).BitsPerWeight, 0.99, 1.01));

        var less = await RankAsync(WithMemory(NeedOf("f32", request) - 1), request);
        Assert.Equal(["BF16", "F16", "Q8_0", "F32"], less.Select(variant => variant.Variant));
        Assert.Contains("does not fit", less[^1].Reason, StringComparison.Ordinal);
        Assert.Equal("BF16", VariantRanking.Best(less).Variant);
    }

    [Fact]
    public async Task WhatFitsWhollyOnTheGpuComesFirst()
    {
        var request = new FitRequest { ContextLength = 4096 };
        Machine WithGpu(long bytes) => Fit.Machines.Of([new Device("CPU", DeviceKind.Cpu, 64L << 30, 64L << 30, 60e9), new Device("GPU", DeviceKind.Gpu, bytes, bytes, 500e9)]);
        bool FitsWholly(string type, long bytes) => FitEstimator.Estimate(Shape(type), WithGpu(bytes), request with { GpuLayers = -1 }).Fits;
        // The least memory that the smallest variant is wholly held by; the others need more.
        long low = 0, high = 8L << 30;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = FitsWholly("q8_0", middle) ? (low, middle) : (middle + 1, high);
        }
        Assert.False(FitsWholly("bf16", low));
        var ranking = await RankAsync(WithGpu(low), request);
        Assert.Equal("Q8_0", ranking[0].Variant);
        Assert.True(ranking[0].IsExact);
        Assert.Equal(Shape("q8_0").Layers + 1, ranking[0].Fit.GpuLayers);
        Assert.All(ranking.Skip(1), variant => Assert.InRange(variant.Fit.GpuLayers, 0, Shape("q8_0").Layers));
    }

    [Fact]
    public async Task WhereNothingFitsThatIsSaid()
    {
        var ranking = await RankAsync(WithMemory(1 << 20), new FitRequest { ContextLength = 256 });
        var error = Assert.Throws<ModelOpsException>(() => VariantRanking.Best(ranking));
        Assert.Equal(ErrorKind.DoesNotFit, error.Kind);
        Assert.Contains("Q8_0", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFileThatIsDamagedIsLeftOut()
    {
        File.WriteAllBytes(Path.Combine(_folder, Repository, "llama-F32.gguf"), [.. "GGUF"u8, .. new byte[4_000_000]]);
        var ranking = await RankAsync(WithMemory(64L << 30), new FitRequest());
        Assert.Equal("BF16", ranking[0].Variant);
        Assert.DoesNotContain(ranking, variant => variant.Variant == "F32");
    }

    [Fact]
    public async Task AFitOfOneVariantNamesTheOthers()
    {
        await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = _folder }, TestContext.Current.CancellationToken);
        using var hub = new HubClient(new HubOptions { Endpoint = server.Endpoint });
        var request = new FitRequest { ContextLength = 256 };
        var found = await ModelShapeReader.FindAsync(hub, Repository, "F32", cancellationToken: TestContext.Current.CancellationToken);
        var fit = FitEstimator.Estimate(found.Shape, WithMemory(NeedOf("f32", request) - 1), request);
        Assert.False(fit.Fits);
        var remedy = fit.Remedies.Single(remedy => remedy.Kind == RemedyKind.OtherVariant);
        Assert.Contains(remedy.Variant, (string[])["BF16", "F16"]);
        Assert.True(FitEstimator.Estimate(Shape("bf16"), WithMemory(NeedOf("f32", request) - 1), request).Fits);
        Assert.Contains(remedy.Sentence, fit.Advice);
    }
}
