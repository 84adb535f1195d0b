using System.Text.RegularExpressions;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// Pruned models in the pinned engine. A layer whose last matrices are zero adds nothing to what goes past it, so that the whole model with such
/// layers computes what the model without them does.
/// </summary>
public sealed partial class LayerPruningTests : IDisposable
{
    private static readonly int[] Tokens = [1, 5, 9, 2, 7, 3];

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("llama", 0)]
    [InlineData("llama", 1)]
    [InlineData("mamba2", 0)]
    [InlineData("gemma2", 1)]
    [InlineData("qwen2vl", 1)]
    // A run of six, after which the seventh is again the first of its turn, and the last.
    [InlineData("gemma3", 0, 1, 2, 3, 4, 5)]
    [InlineData("gemma3", 6)]
    [InlineData("cohere2", 3)]
    [InlineData("smollm3", 2, 3)]
    [InlineData("gpt-oss", 1)]
    // The heads of each layer, which has a window and how wide it is inside: arrays.
    [InlineData("lfm2", 0)]
    [InlineData("lfm2", 1, 3)]
    [InlineData("nemotron-h", 1)]
    // The leading layers have no experts.
    [InlineData("deepseek-v3", 0)]
    [InlineData("deepseek-v3", 1)]
    // Each fourth has attention, by its number or by an array; the last predicts further tokens.
    [InlineData("qwen3next", 0)]
    [InlineData("qwen3next", 1, 4)]
    [InlineData("qwen3.5", 0, 2)]
    [InlineData("qwen3.5", 2)]
    [InlineData("qwen3.5", 4)]
    public async Task EngineComputesTheLayersThatStay(string golden, params int[] layers)
    {
        var source = Source(golden);
        WriteWithout(source, _folder.File("idle.gguf"), layers);
        await ModelConverter.RunAsync(Plan(source, layers), cancellationToken: TestContext.Current.CancellationToken);

        var (whole, idle, pruned) = (await EngineLogits.LastAsync(source, Tokens), await EngineLogits.LastAsync(_folder.File("idle.gguf"), Tokens), await EngineLogits.LastAsync(_folder.File("pruned.gguf"), Tokens));

        var largest = idle.Max(MathF.Abs);
        Assert.All(idle.Zip(pruned), pair => Assert.Equal(pair.First, pair.Second, 5e-3 * largest));
        // What predicts further tokens says nothing of the next.
        var isTrunk = layers.Any(layer => layer < GgufFile.Read(source).Metadata.FindInteger($"{GgufFile.Read(source).Architecture}.block_count") - (GgufFile.Read(source).Metadata.FindInteger($"{GgufFile.Read(source).Architecture}.nextn_predict_layers") ?? 0));
        Assert.Equal(isTrunk, whole.Zip(pruned).Any(pair => Math.Abs(pair.First - pair.Second) > 2e-2 * largest));
    }

    /// <summary>What all this is for: files of llama-quantize, pruned in the same way.</summary>
    [Theory]
    [InlineData("lfm2", 0)]
    [InlineData("nemotron-h", 1)]
    [InlineData("deepseek-v3", 0)]
    [InlineData("qwen3next", 0)]
    public async Task LlamaQuantizesFileDoesNotLoad(string golden, int layer)
    {
        var path = _folder.File("theirs.gguf");
        Assert.True(LlamaQuantize.TryRun(Source(golden), path, Recipe.Parse("BF16"), new RecipeOverrides { PruneLayers = [layer] }));
        Assert.Equal(ErrorKind.EngineFailure, (await Assert.ThrowsAsync<ModelOpsException>(() => EngineLogits.LastAsync(path, Tokens))).Kind);
    }

    [Fact]
    public async Task CheckpointIsPrunedAsItsFileIs()
    {
        var checkpoint = Path.Combine(TestPaths.Golden("lfm2"), "hf");
        await ModelConverter.RunAsync(Plan(Source("lfm2"), 1), cancellationToken: TestContext.Current.CancellationToken);
        File.Move(_folder.File("pruned.gguf"), _folder.File("expected.gguf"));
        await ModelConverter.RunAsync(Plan(checkpoint, 1), cancellationToken: TestContext.Current.CancellationToken);
        QuantizeParity.AssertSameContent(_folder.File("expected.gguf"), _folder.File("pruned.gguf"));
        Assert.Equal(3L, GgufFile.Read(_folder.File("pruned.gguf")).Metadata.FindInteger("lfm2.block_count"));
    }

    [Theory]
    [InlineData("gemma3", "Layer 5 would become layer 4", 0)]
    [InlineData("gemma3", "Layer 6 would become layer 5", 5)]
    [InlineData("smollm3", "of each 4 layers", 0)]
    [InlineData("llama4", "of each 4 layers", 0)]
    [InlineData("llama4", "needs one layer in 4", 2, 3)]
    [InlineData("gpt-oss", "of each 2 layers", 0)]
    [InlineData("modernbert", "first layer", 0, 1, 2)]
    [InlineData("modernbert", "Layer 3 would become layer 1", 1, 2)]
    [InlineData("nemotron-h", "needs one of each", 0, 2)]
    [InlineData("qwen3.5", "needs one of each", 3)]
    [InlineData("gemma4-26b-a4b", "two kinds", 1)]
    [InlineData("gemma4-e2b", "columns for each layer", 3)]
    [InlineData("gemma3n", "No layer", 0)]
    [InlineData("llama", "no layer 2, 7", 2, 7)]
    [InlineData("llama", "No layer", 0, 1)]
    [InlineData("qwen3.5", "No layer", 0, 1, 2, 3)]
    [InlineData("t5", "another stack of layers", 1)]
    public void WhatTheEngineWouldTakeForAnotherModelIsRefused(string golden, string reason, params int[] layers)
    {
        var error = Assert.Throws<ModelOpsException>(() => Plan(Source(golden), layers));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ManyLayersThatThereAreNotAreNotAllListed()
    {
        var error = Assert.Throws<ModelOpsException>(() => Plan(Source("llama"), [.. Enumerable.Range(0, 512)]));
        Assert.Contains("no layer 2, 3, 4, 5, 6, 7, 8, 9 and 502 more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatHasNoLayersIsRefused()
    {
        foreach (var (source, options) in new[]
        {
            (Path.Combine(TestPaths.Golden("gemma3-vision"), "official.mmproj.bf16.gguf"), new ConversionOptions()),
            (Path.Combine(TestPaths.Golden("lora-llama"), "hf"), new ConversionOptions { BaseModel = Path.Combine(TestPaths.Golden("llama"), "hf") }),
        })
        {
            var error = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(source, _folder.File("never.gguf"), options with { Overrides = new RecipeOverrides { PruneLayers = [0] } }));
            Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        }
    }

    [Fact]
    public void ArraysOfSomethingElseStay()
    {
        // Three layers, and as many sections.
        TestGguf.Edit(Source("qwen2vl"), _folder.File("model.gguf"), metadata =>
        {
            metadata.Set("qwen2vl.rope.dimension_sections", new[] { 4, 6, 6 });
            metadata.Set("qwen2vl.attention.head_count", new[] { 4u, 3u, 2u });
            metadata.Set("tokenizer.ggml.some", new[] { 1, 2, 3 });
        });
        var metadata = Plan(_folder.File("model.gguf"), 1).Metadata;
        Assert.Equal([4, 6, 6], metadata.FindArray<int>("qwen2vl.rope.dimension_sections")!);
        Assert.Equal([4u, 2u], metadata.FindArray<uint>("qwen2vl.attention.head_count")!);
        Assert.Equal([1, 2, 3], metadata.FindArray<int>("tokenizer.ggml.some")!);
    }

    [Fact]
    public void LayersThatGiveOthersTheirKeysStay()
    {
        TestGguf.Edit(Source("gemma4-e2b"), _folder.File("model.gguf"), metadata => metadata.Set("gemma4.embedding_length_per_layer_input", 0u));
        Assert.Contains("layers 0 and 1, which must stay", Assert.Throws<ModelOpsException>(() => Plan(_folder.File("model.gguf"), 1)).Message, StringComparison.Ordinal);
        Assert.Equal(1L, Plan(_folder.File("model.gguf"), 2).Metadata.FindInteger("gemma4.attention.shared_kv_layers"));
    }

    public void Dispose() => _folder.Dispose();

    private static string Source(string golden)
    {
        var bf16 = Path.Combine(TestPaths.Golden(golden), "official.bf16.gguf");
        return File.Exists(bf16) ? bf16 : Directory.GetFiles(TestPaths.Golden(golden), "official.*.gguf").Order(StringComparer.Ordinal).First();
    }

    private ConversionPlan Plan(string source, params int[] layers) => ConversionPlan.Create(
        source,
        _folder.File("pruned.gguf"),
        new ConversionOptions { Type = "BF16", Provenance = false, Overrides = new RecipeOverrides { PruneLayers = layers } });

    /// <summary>The model with layers that add nothing.</summary>
    private static void WriteWithout(string source, string path, int[] layers)
    {
        var bytes = File.ReadAllBytes(source);
        var silenced = new HashSet<int>();
        foreach (var tensor in GgufFile.Read(source).Tensors)
        {
            if (!LastMatrix().IsMatch(tensor.Name) || !layers.Contains(int.Parse(tensor.Name.Split('.')[1])))
                continue;
            var data = bytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes);
            data.Clear();
            // What multiplies the whole layer's output, what came past it too.
            if (tensor.Name.Contains("layer_output_scale", StringComparison.Ordinal))
                BitConverter.TryWriteBytes(data, 1f);
            silenced.Add(int.Parse(tensor.Name.Split('.')[1]));
        }
        Assert.Equal(layers.Order(), silenced.Order());
        File.WriteAllBytes(path, bytes);
    }

    [GeneratedRegex(@"\Ablk\.[0-9]+\.(attn_output|attn_out|ssm_out|shortconv\.out_proj|ffn_down|ffn_down_exps|ffn_down_shexp|layer_output_scale)\.(weight|bias)\z")]
    private static partial Regex LastMatrix();
}
