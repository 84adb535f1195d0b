using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Overrides of a recipe: whole files against llama_model_quantize of the pinned libllama with the same overrides.</summary>
public sealed class RecipeOverrideTests : IDisposable
{
    private static readonly Dictionary<string, TestModel> Models = new()
    {
        ["own output"] = new TestModel("llama", 16, 8, 4),
        ["tied output"] = new TestModel("llama", 16, 8, 2) { TiedOutput = true },
        ["experts"] = new TestModel("qwen3moe", 16, 8, 8, Experts: 4),
        ["odd rows"] = new TestModel("llama", 16, 8, 8) { FeedForward = 288 },
    };

    private static readonly Dictionary<string, RecipeOverrides> Overrides = new()
    {
        ["one pattern"] = new() { TensorTypes = [new("ffn_down", GgmlType.Q8_0)] },
        ["a pattern in the counted ones"] = new() { TensorTypes = [new(@"blk\.[0-3]\.(attn_v|ffn_down)", GgmlType.Q5_0)] },
        ["the first pattern wins"] = new() { TensorTypes = [new(@"blk\.1\d\.attn_q\.weight$", GgmlType.Q6_K), new("attn_(q|k)", GgmlType.Q4_1), new("attn", GgmlType.IQ4_NL)] },
        ["what looks ahead"] = new() { TensorTypes = [new(@"blk\.(?!0\.)\d+\.ffn_up", GgmlType.Q3_K)] },
        ["numbers"] = new() { TensorTypes = [new("attn_output", GgmlType.F16), new("attn_k", GgmlType.BF16), new("ffn_gate", GgmlType.F32)] },
        ["what is never quantised"] = new() { TensorTypes = [new("norm|ffn_gate_inp", GgmlType.Q8_0)] },
        ["output and embedding by pattern"] = new() { TensorTypes = [new("output", GgmlType.Q5_1), new("token_embd", GgmlType.Q4_1)] },
        ["output"] = new() { OutputType = GgmlType.Q8_0 },
        ["embedding"] = new() { EmbeddingType = GgmlType.Q3_K },
        ["output, embedding and patterns for both"] = new() { OutputType = GgmlType.BF16, EmbeddingType = GgmlType.Q8_0, TensorTypes = [new("output|embd", GgmlType.Q4_0)] },
        ["output and a pattern for all"] = new() { OutputType = GgmlType.Q8_0, TensorTypes = [new(".", GgmlType.Q4_0)] },
        ["pure"] = new() { Pure = true },
        ["pure with an output"] = new() { Pure = true, OutputType = GgmlType.Q6_K },
        ["pruned"] = new() { PruneLayers = [0, 3, 4, 5, 15] },
        ["pruned, with patterns of the new numbers"] = new() { PruneLayers = [7, 8], TensorTypes = [new(@"blk\.(7|13)\.", GgmlType.Q6_K)] },
        ["pure with a pattern"] = new() { Pure = true, TensorTypes = [new("attn_v", GgmlType.Q8_0)] },
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Cases { get; } = [.. from model in Models.Keys from overrides in Overrides.Keys select (model, overrides)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task FileIsLlamaQuantizes(string model, string overrides)
    {
        GgmlOracle.RequireX64();
        var (source, expected, stock) = (_folder.File("source.gguf"), _folder.File("expected.gguf"), _folder.File("stock.gguf"));
        Models[model].Write(source);
        var changed = 0;
        foreach (var recipe in new[] { "Q4_K_M", "Q3_K_L", "Q2_K", "Q4_0", "IQ4_XS", "Q8_0" })
        {
            // A pure recipe of long blocks has another type for odd rows; of short ones none that llama-quantize knows.
            Assert.True(LlamaQuantize.TryRun(source, expected, Recipe.Parse(recipe), Overrides[overrides]), $"llama-quantize refuses {recipe}.");
            await QuantizeParity.AssertSameBytesAsync(source, expected, _folder.File("actual.gguf"), new ConversionOptions { Type = recipe, Overrides = Overrides[overrides] });
            LlamaQuantize.Run(source, stock, Recipe.Parse(recipe));
            changed += File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(stock)) ? 0 : 1;
        }
        // An override that changes no file is a test of nothing; these do where the model has what they are for.
        Assert.Equal(overrides == "what is never quantised", changed == 0);
    }

    /// <summary>The numbers of a layer go with it, whatever its new number.</summary>
    [Theory]
    [InlineData("Q4_K_M")]
    [InlineData("Q4_0")]
    [InlineData("Q2_K_S")]
    public async Task ImportanceFollowsPrunedLayers(string recipe)
    {
        GgmlOracle.RequireX64();
        var model = Models["own output"];
        var (source, expected, matrix) = (_folder.File("source.gguf"), _folder.File("expected.gguf"), _folder.File("imatrix"));
        var overrides = new RecipeOverrides { PruneLayers = [0, 4, 5], TensorTypes = [new(@"blk\.1\.ffn_up", GgmlType.IQ2_XXS)] };
        model.Write(source);
        var importance = TestImportance.WriteComplete(matrix, model);
        LlamaQuantize.Run(
            source, expected, Recipe.Parse(recipe), overrides, threads: 1, importance,
            ("quantize.imatrix.file", "imatrix"), ("quantize.imatrix.dataset", "some text"), ("quantize.imatrix.entries_count", importance.Count), ("quantize.imatrix.chunks_count", 7));
        await QuantizeParity.AssertSameBytesAsync(source, expected, _folder.File("actual.gguf"), new ConversionOptions { Type = recipe, Overrides = overrides, ImportanceMatrix = matrix });
    }

    public void Dispose() => _folder.Dispose();
}
