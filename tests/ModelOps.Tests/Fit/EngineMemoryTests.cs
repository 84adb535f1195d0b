using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

/// <summary>The estimate against the pinned engine itself (CPU only), over real shapes.</summary>
public sealed class EngineMemoryTests
{
    private const double MiB = 1 << 20;

    // The engine prints two decimals.
    private const double LogRounding = 0.005001;

    // A few inputs of some bytes a token are not counted.
    private const double Slack = 0.1;

    private static readonly Machine Huge = new()
    {
        Name = "huge",
        OperatingSystem = "any",
        Architecture = "x64",
        Processor = "any",
        PhysicalCores = 1,
        LogicalProcessors = 1,
        Devices = [new Device("CPU", DeviceKind.Cpu, 1L << 50, 1L << 50, null)],
    };

    public static TheoryData<string> Models => [.. SyntheticModels.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void MemoryIsTheEngines(string name)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        Compare(oracle, SyntheticModels.Shape(name));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gemma3")]
    [InlineData("mistral")]
    public void MemoryOfGoldenFilesIsTheEngines(string name)
    {
        var path = Path.Combine(TestPaths.Golden(name), "official.bf16.gguf");
        using var oracle = new EngineOracle(path);
        Compare(oracle, ModelShape.FromGguf(GgufFile.Read(path)));
    }

    [Theory]
    [InlineData("Llama-3-8B", GgmlType.Q8_0)]
    [InlineData("Llama-3-8B", GgmlType.Q4_0)]
    [InlineData("Gemma-3-4B", GgmlType.Q8_0)]
    [InlineData("Qwen3-Next-80B", GgmlType.Q5_1)]
    public void QuantizedCachesAreTheEngines(string name, GgmlType type)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        var (actual, request) = (oracle.Context(4096, flashAttention: true, kvType: type), new FitRequest { ContextLength = 4096, KvType = type });
        CompareCaches(actual, SyntheticModels.Shape(name), request);
        CompareAll(actual, SyntheticModels.Shape(name), request);
    }

    [Theory]
    [InlineData("Llama-3-8B", 4, true)]
    [InlineData("Llama-3-8B", 4, false)]
    [InlineData("Gemma-3-4B", 3, false)]
    [InlineData("Qwen3.5-9B", 3, true)]
    [InlineData("Nemotron-H-8B", 5, false)]
    [InlineData("Mamba-Codestral-7B", 4, true)]
    public void BatchesOfSeveralSequencesAreTheEngines(string name, int sequences, bool unified)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        var shape = SyntheticModels.Shape(name);
        foreach (var flash in (bool[])[true, false])
        {
            CompareAll(
                oracle.Context(16384, flash, sequences: sequences, unified: unified), shape,
                new FitRequest { ContextLength = 16384, FlashAttention = flash, Sequences = sequences, UnifiedCache = unified });
        }
    }

    [Theory]
    [InlineData("Llama-3-8B", 1000, 2048)]
    [InlineData("Llama-3-8B", 4096, 64)]
    [InlineData("Gemma-3-4B", 4096, 64)]
    [InlineData("Gemma-3-4B", 5000, 2048)]
    [InlineData("Gemma-2-2B", 300, 512)]
    public void OddContextsAndBatchesAreRoundedAsByTheEngine(string name, int context, int batch)
    {
        using var oracle = new EngineOracle(SyntheticModels.Header(name));
        var shape = SyntheticModels.Shape(name);
        foreach (var flash in (bool[])[true, false])
        {
            var (actual, request) = (oracle.Context(context, flash, batch), new FitRequest { ContextLength = context, BatchSize = batch, FlashAttention = flash });
            CompareCaches(actual, shape, request);
            CompareAll(actual, shape, request);
        }
    }

    private static void Compare(EngineOracle oracle, ModelShape shape)
    {
        foreach (var context in (int[])[512, 4096, 32768])
        {
            foreach (var flash in (bool[])[true, false])
            {
                CompareAll(oracle.Context(context, flash), shape, new FitRequest { ContextLength = context, FlashAttention = flash });
            }
        }
    }

    private static void CompareAll(EngineFigures actual, ModelShape shape, FitRequest request)
    {
        var fit = FitEstimator.Estimate(shape, Huge, request).Devices.Single();
        var expected = fit.ComputeBytes / MiB - actual.Output;
        Assert.Equal(actual.State, fit.StateBytes / MiB, LogRounding);
        Assert.Equal(actual.Compute, expected, 0.0001 * actual.Compute + Slack);
        // What counts in the end: weights, caches and buffers together; layers for prediction are in the file but not loaded.
        var weights = fit.WeightsBytes / MiB;
        var total = weights + actual.KvCaches.Sum() + actual.State + actual.Compute + actual.Output;
        Assert.Equal(total, (fit.TotalBytes - fit.OverheadBytes) / MiB, 0.0001 * total + Slack);
    }

    private static void CompareCaches(EngineFigures actual, ModelShape shape, FitRequest request)
    {
        var plan = ContextPlan.Create(shape, request);
        var sizes = Enumerable.Range(0, shape.Layers).ToLookup(layer => shape.IsSlidingWindow[layer], layer => KvCache.LayerBytes(shape, plan, layer));
        Assert.Equal(actual.Cells[0], plan.Cells);
        Assert.Equal(actual.KvCaches[0], sizes[false].Sum() / MiB, LogRounding);
        Assert.Equal(actual.KvCaches.Count, sizes.Count);
        if (actual.KvCaches.Count == 2)
        {
            Assert.Equal(actual.Cells[1], plan.SlidingCells);
            Assert.Equal(actual.KvCaches[1], sizes[true].Sum() / MiB, LogRounding);
        }
        Assert.Equal(actual.KvCaches.Sum(), FitEstimator.Estimate(shape, Huge, request).Devices.Single().KvCacheBytes / MiB, 2 * LogRounding);
    }
}
