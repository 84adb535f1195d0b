using ModelOps.Fit;
using Xunit;

namespace ModelOps.Tests.Fit;

public class ModelShapeTests
{
    private static GgufMetadata Header(string architecture, params (string Key, object Value)[] entries)
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", architecture);
        foreach (var (key, value) in (ReadOnlySpan<(string, object)>)[("block_count", 8u), ("embedding_length", 512u), ("attention.head_count", 8u), ("vocab_size", 1000u), ("context_length", 4096u), .. entries])
        {
            metadata.Set($"{architecture}.{key}", value);
        }
        return metadata;
    }

    private static ModelShape Shape(string architecture, params (string Key, object Value)[] entries) => ModelShape.FromHeader(Header(architecture, entries), Norms, "test");

    // A tensor of each layer: that they are there is all that these headers need.
    private static readonly GgufTensor[] Norms = [.. Enumerable.Range(0, 8).Select(layer => new GgufTensor($"blk.{layer}.attn_norm.weight", GgmlType.F32, [512], layer * 2048, 2048))];

    private static string Pattern(ModelShape shape) => string.Concat(shape.IsSlidingWindow.Select(sliding => sliding ? 's' : 'F'));

    public static TheoryData<object> NoWholeNumbers => [new double[] { double.NaN, 8, 8, 8, 8, 8, 8, 8 }, new ulong[] { ulong.MaxValue, 8, 8, 8, 8, 8, 8, 8 }, new[] { "8", "8", "8", "8", "8", "8", "8", "8" }];

    [Theory]
    [MemberData(nameof(NoWholeNumbers))]
    public void FiguresThatAreNoWholeNumbersAreRefused(object heads)
        => Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => Shape("llama", ("attention.head_count_kv", heads))).Kind);

    /// <summary>Each of them may be; that one memory holds what they make together may not.</summary>
    [Theory]
    [InlineData("llama", "attention.head_count", "attention.key_length", "attention.value_length")]
    [InlineData("llama", "attention.head_count", "attention.head_count_kv", "attention.key_length")]
    [InlineData("llama", "attention.head_count_kv", "attention.key_length", "attention.value_length")]
    [InlineData("llama", "embedding_length", "feed_forward_length", "attention.head_count_kv")]
    [InlineData("kimi-linear", "kda.head_dim", "attention.head_count", "ssm.conv_kernel")]
    public void FiguresWhoseProductIsBeyondAllBoundsAreRefused(string architecture, params string[] huge)
    {
        var error = Assert.Throws<ModelOpsException>(() => FitEstimator.Estimate(
            Shape(architecture, [("attention.head_count_kv", new uint[8]), .. huge.Select(key => (key, (object)(1u << 28)))]), Machines.WithGpus(64, 24), new FitRequest { ContextLength = 1 << 20, GpuLayers = -1 }));
        Assert.Equal(ErrorKind.CorruptFile, error.Kind);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void LlamaIsRead()
    {
        var shape = SyntheticModels.Shape("Llama-3-8B");
        Assert.Equal((32, 4096, 128256, 8192, 14336), (shape.Layers, shape.EmbeddingLength, shape.VocabularySize, shape.TrainedContextLength, shape.FeedForwardLength));
        Assert.All(shape.KvHeads, heads => Assert.Equal(8, heads));
        Assert.All(shape.KeyLengths, length => Assert.Equal(128, length));
        Assert.Equal(8_030_261_248, shape.Parameters);
        Assert.Equal(0, shape.TiedBytes);
        // Everything is read for a token but the embedding's rows.
        Assert.Equal(shape.WeightsBytes - shape.InputBytes, shape.ActiveBytes);
        Assert.Equal(shape.WeightsBytes, shape.InputBytes + shape.OutputBytes + shape.LayerBytes.Sum());
    }

    [Fact]
    public void ATiedOutputIsReadForEveryToken()
    {
        var shape = SyntheticModels.Shape("Gemma-3-4B");
        Assert.True(shape.TiedBytes > 0);
        Assert.Equal(shape.InputBytes, shape.TiedBytes);
        Assert.Equal(shape.WeightsBytes, shape.ActiveBytes);
        Assert.Equal(shape.WeightsBytes + shape.TiedBytes, shape.InputBytes + shape.OutputBytes + shape.LayerBytes.Sum());
    }

    [Fact]
    public void ExpertsThatRestAreNotRead()
    {
        var shape = SyntheticModels.Shape("Qwen3-30B-A3B");
        Assert.Equal((8, 8 * 768), (shape.ExpertsUsed, shape.FeedForwardLength));
        // "30B-A3B": 3.3 of 30.5 billion weights are active, the embedding among them.
        Assert.InRange(shape.Parameters, 30.4e9, 30.6e9);
        Assert.InRange((double)shape.ActiveBytes / shape.WeightsBytes, 0.095, 0.105);
    }

    [Fact]
    public void LatentAttentionCachesCompressedKeysOnly()
    {
        var shape = SyntheticModels.Shape("DeepSeek-V2-Lite");
        var plan = ContextPlan.Create(shape, new FitRequest { ContextLength = 4096 });
        // 512 + 64 numbers a token and layer (DeepSeek-V2 paper, 2.1).
        Assert.Equal(576 * 2 * 4096, KvCache.LayerBytes(shape, plan, 0));
    }

    [Fact]
    public void LatentAttentionOfOldFilesIsOrdinaryAttention()
    {
        var shape = Shape("deepseek2", ("attention.key_length", 192u), ("attention.value_length", 128u), ("attention.kv_lora_rank", 512u));
        Assert.Equal((192, 128, 8, 0), (shape.KeyLengths[0], shape.ValueLengths[0], shape.KvHeads[0], shape.LatentLength));
    }

    [Theory]
    [InlineData("gemma2", null, "sFsFsFsF", 4096)]
    [InlineData("gemma3", 1024, "sssssFss", 1024)]
    [InlineData("gemma3n", 512, "ssssFsss", 512)]
    [InlineData("cohere2", 4096, "sssFsssF", 4096)]
    [InlineData("gpt-oss", 128, "sFsFsFsF", 128)]
    [InlineData("llama4", null, "sssFsssF", 8192)]
    [InlineData("llama4", 0, "FFFFFFFF", 0)]
    [InlineData("smallthinker", 4096, "FsssFsss", 4096)]
    [InlineData("gemma3", null, "FFFFFFFF", 0)]
    [InlineData("phi3", 2047, "FFFFFFFF", 0)]
    [InlineData("llama", 4096, "FFFFFFFF", 0)]
    [InlineData("exaone4", 4096, "FFFFFFFF", 0)]
    public void SlidingWindowsFollowTheArchitecture(string architecture, int? window, string pattern, int expectedWindow)
    {
        var shape = Shape(architecture, window is { } tokens ? [("attention.sliding_window", (uint)tokens)] : []);
        Assert.Equal((pattern, expectedWindow), (Pattern(shape), shape.SlidingWindow));
    }

    [Fact]
    public void TheHeadersPeriodWins() => Assert.Equal("ssFssFss", Pattern(Shape("gemma3", ("attention.sliding_window", 512u), ("attention.sliding_window_pattern", 3u))));

    [Fact]
    public void ArraysGoLayerByLayer()
    {
        var shape = Shape(
            "gemma4", ("attention.sliding_window", 512u), ("attention.sliding_window_pattern", new[] { true, true, false, true, true, false, true, false }),
            ("attention.key_length", 512u), ("attention.value_length", 512u), ("attention.key_length_swa", 256u), ("attention.value_length_swa", 256u),
            ("attention.head_count_kv", new[] { 4, 4, 1, 4, 4, 1, 4, 1 }), ("attention.shared_kv_layers", 3u));
        Assert.Equal("ssFssFsF", Pattern(shape));
        Assert.Equal([256, 256, 512, 256, 256, 512, 256, 512], shape.KeyLengths);
        Assert.Equal([4, 4, 1, 4, 4, 0, 0, 0], shape.KvHeads);
    }

    [Fact]
    public void RecurrentLayersKeepStateInsteadOfKeys()
    {
        var shape = SyntheticModels.Shape("Qwen3-Next-80B");
        Assert.Equal(12, shape.KvHeads.Count(heads => heads > 0));
        Assert.Equal(2, shape.KvHeads[3]);
        // 75.375 MiB a sequence was what the engine printed (facts/fit.md 2.3).
        Assert.Equal(75.375 * (1 << 20), shape.StateBytes.Sum());
    }

    [Theory]
    [InlineData("mamba", "xxxxxxxx", "")]
    [InlineData("falcon-h1", "xxxxxxxx", "kkkkkkkk")]
    [InlineData("qwen35", "xxx.xxx.", "...k...k")]
    [InlineData("llama", "........", "kkkkkkkk")]
    public void RecurrentArchitecturesAreKnown(string architecture, string state, string keys)
    {
        var shape = Shape(architecture, ("ssm.conv_kernel", 4u), ("ssm.inner_size", 1024u), ("ssm.state_size", 16u), ("ssm.group_count", 1u));
        Assert.Equal(state, string.Concat(shape.StateBytes.Select(bytes => bytes > 0 ? 'x' : '.')));
        Assert.Equal(keys.PadRight(8, '.'), string.Concat(shape.KvHeads.Select(heads => heads > 0 ? 'k' : '.')));
    }

    [Fact]
    public void ModelsWithoutCacheHaveNone() => Assert.All(Shape("bert").KvHeads, heads => Assert.Equal(0, heads));

    [Fact]
    public void WhatIsNotModelledIsSaid() => Assert.Contains("deepseek32", Assert.Single(Shape("deepseek32").Caveats), StringComparison.Ordinal);

    [Theory]
    [InlineData("block_count", 0u)]
    [InlineData("block_count", 100_000u)]
    [InlineData("embedding_length", 4_000_000_000u)]
    [InlineData("attention.head_count_kv", "eight")]
    public void SenselessFiguresAreCorrupt(string key, object value)
        => Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => Shape("llama", (key, value))).Kind);

    [Fact]
    public void ALayerTooManyIsCorrupt()
    {
        var tensor = new GgufTensor("blk.8.attn_q.weight", GgmlType.F16, [512, 512], 0, 512 * 512 * 2);
        Assert.Equal(ErrorKind.CorruptFile, Assert.Throws<ModelOpsException>(() => ModelShape.FromHeader(Header("llama"), [tensor], "test")).Kind);
    }
}
