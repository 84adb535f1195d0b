using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>PEFT adapters as GGUF adapters: against llama.cpp's own converter, and by what the engine computes with them.</summary>
public sealed class AdapterConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("f32")]
    [InlineData("bf16")]
    public async Task Adapter_IsTheOfficialFileByteForByte(string type)
    {
        var plan = Plan(Path.Combine(TestPaths.Golden("lora-llama"), "hf"), "llama", type);
        await ModelConverter.RunAsync(plan);
        Assert.Equal(await File.ReadAllBytesAsync(GoldenLogits.PathOf("lora-llama", type)), await File.ReadAllBytesAsync(plan.Output));
        Assert.Equal("adapter", plan.Metadata.FindString("general.type"));
    }

    [Fact]
    public async Task Adapter_InTheEngine_GivesTheGoldenLogits()
    {
        var plan = Plan(Path.Combine(TestPaths.Golden("lora-llama"), "hf"), "llama", "F32");
        await ModelConverter.RunAsync(plan);
        var expected = GoldenLogits.Read("lora-llama", "f32");
        var last = AdaptedLogits.Last(GoldenLogits.PathOf("llama", "f32"), expected.Tokens, (plan.Output, 1));
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));
        var without = AdaptedLogits.Last(GoldenLogits.PathOf("llama", "f32"), expected.Tokens);
        Assert.True(Math.Abs(without[expected.Top[0].Id] - last[expected.Top[0].Id]) > 0.05);
    }

    /// <summary>Families with different things done to their tensors, and the modules that PEFT adapts there.</summary>
    public static TheoryData<string, string> Families => new()
    {
        { "llama", @"(q|k|v|o|gate|up|down)_proj\.weight|lm_head\.weight|embed_tokens\.weight" },
        { "mistral", @"(q|k|v|o|gate|up|down)_proj\.weight" },
        { "qwen2", @"(q|k|v|o|gate|up|down)_proj\.weight" },
        { "qwen3moe", @"(q|k|v|o|gate|up|down)_proj\.weight|mlp\.gate\.weight" },
        { "gemma2", @"(q|k|v|o|gate|up|down)_proj\.weight" },
        { "phi3", @"(qkv|o|gate_up|down)_proj\.weight" },
        { "lfm2", @"(q|k|v|out|in)_proj\.weight|w[123]\.weight" },
        { "olmo2", @"(q|k|v|o|gate|up|down)_proj\.weight" },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public async Task Adapter_OnTheModel_ComputesWhatTheMergedCheckpointDoes(string family, string modules)
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of(family), modules, rank: 4, alpha: 6);
        adapter.Config["alpha_pattern"] = new JsonObject { ["layers.1.*"] = 3.0 };
        await RequireSameAsMerged(adapter, family);
    }

    [Fact]
    public async Task RankStabilized_WithRanksAndAlphasOfTheirOwn_IsScaledAsPeftDoes()
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of("llama"), @"(q|k|v|o|gate|up|down)_proj\.weight", rank: 4, alpha: 6, rankOf: name => name.Contains("down", StringComparison.Ordinal) ? 7 : 4);
        adapter.Config["use_rslora"] = true;
        adapter.Config["rank_pattern"] = new JsonObject { ["down_proj"] = 7 };
        adapter.Config["alpha_pattern"] = new JsonObject { ["model.layers.0.self_attn.q_proj"] = 10.0, [@"layers\.1\.mlp\..*"] = 3.5 };
        await RequireSameAsMerged(adapter, "llama");
    }

    [Fact]
    public async Task ActivatedAdapter_KeepsItsTokens()
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of("llama"), @"q_proj\.weight", rank: 4, alpha: 8);
        adapter.Config["alora_invocation_tokens"] = new JsonArray(5, 17);
        var plan = Plan(adapter.Save(_folder.File("adapter")), "llama", "F32");
        await ModelConverter.RunAsync(plan);
        Assert.Equal(new[] { 5u, 17u }, GgufFile.Read(plan.Output).Metadata.FindArray<uint>("adapter.alora.invocation_tokens"));
        Assert.NotEmpty(AdaptedLogits.Last(GoldenLogits.PathOf("llama", "f32"), [1, 2, 3], (plan.Output, 1)));
    }

    [Theory]
    [InlineData("peft_type", "\"LOHA\"", "LOHA")]
    [InlineData("use_dora", "true", "DoRA")]
    [InlineData("init_lora_weights", "\"pissa_niter_4\"", "pissa")]
    [InlineData("lora_alpha", "0", "which cannot be")]
    [InlineData("r", "8", "rank 8")]
    [InlineData("rank_pattern", "{\"(((\": 4}", "pattern")]
    [InlineData("trainable_token_indices", "[1, 2]", "retrained tokens")]
    public void WhatLlamaCppWouldComputeOtherwise_IsRefusedByName(string key, string value, string expected)
    {
        var adapter = TinyAdapter.Random(TinyCheckpoint.Of("llama"), @"q_proj\.weight", rank: 4, alpha: 8);
        adapter.Config[key] = JsonNode.Parse(value);
        var exception = Assert.Throws<ModelOpsException>(() => Plan(adapter.Save(_folder.File("adapter")), "llama", "F32"));
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void TensorsThatAnAdapterFileCannotHold_AreRefusedByName()
    {
        var checkpoint = TinyCheckpoint.Of("llama");
        Refused("replaces 1 tensors", adapter => adapter.Tensors["base_model.model.model.norm.weight"] = checkpoint.Tensors["model.norm.weight"]);
        Refused("does not have: model.layers.9.self_attn.q_proj.weight", adapter =>
        {
            foreach (var half in new[] { "A", "B" })
                adapter.Tensors[$"base_model.model.model.layers.9.self_attn.q_proj.lora_{half}.weight"] = adapter.Tensors[$"base_model.model.model.layers.0.self_attn.q_proj.lora_{half}.weight"];
        });
        Refused("only one of the two", adapter => adapter.Tensors.Remove("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"));
        Refused("implies [64, 64]", adapter => adapter.Tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"] = new TinyCheckpoint.Tensor("F32", [32, 4], new byte[32 * 4 * 4]));
        Refused("magnitude", adapter => adapter.Tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"] = new TinyCheckpoint.Tensor("F32", [64], new byte[256]));
        Refused("tokens were added", adapter => adapter.Tensors["base_model.model.lm_head.base_layer.weight"] = new TinyCheckpoint.Tensor("F32", [400, 64], new byte[400 * 64 * 4]));

        void Refused(string expected, Action<TinyAdapter> change)
        {
            var adapter = TinyAdapter.Random(checkpoint, @"q_proj\.weight", rank: 4, alpha: 8);
            change(adapter);
            Assert.Contains(expected, Assert.Throws<ModelOpsException>(() => Plan(adapter.Save(_folder.File("adapter")), "llama", "F32")).Message);
        }
    }

    [Fact]
    public void BaseModel_ThatIsNotThere_OrTiesTheHeadThatIsAdapted_IsSaid()
    {
        var adapter = Path.Combine(TestPaths.Golden("lora-llama"), "hf");
        var missing = Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(adapter, _folder.File("a.gguf"), new ConversionOptions { Type = "F32" }));
        Assert.Equal(ErrorKind.FileNotFound, missing.Kind);
        Assert.Contains("example-org/Tiny-Llama-0.1M-Instruct-v1.2", missing.Message);
        Assert.Contains("--base", missing.Hint);
        Assert.Equal("example-org/Tiny-Llama-0.1M-Instruct-v1.2", AdapterFolder.FindBase(adapter));

        var checkpoint = TinyCheckpoint.Of("qwen2");
        checkpoint.Tensors["lm_head.weight"] = checkpoint.Tensors["model.embed_tokens.weight"];
        var tied = TinyAdapter.Random(checkpoint, @"lm_head\.weight", rank: 4, alpha: 8);
        Assert.Contains("in common with its embedding", Assert.Throws<ModelOpsException>(() => Plan(tied.Save(_folder.File("tied")), "qwen2", "F32")).Message);
        tied = TinyAdapter.Random(checkpoint, @"embed_tokens\.weight", rank: 4, alpha: 8);
        Assert.Contains("uses for its head as well", Assert.Throws<ModelOpsException>(() => Plan(tied.Save(_folder.File("tied")), "qwen2", "F32")).Message);
    }

    [Fact]
    public void Adapter_InABlockFormat_IsRefused_AndQ8OnlyWhereRowsAllow()
    {
        var adapter = Path.Combine(TestPaths.Golden("lora-llama"), "hf");
        Assert.Contains("Q4_0", Assert.Throws<ModelOpsException>(() => Plan(adapter, "llama", "Q4_0")).Message);
        var types = Plan(adapter, "llama", "Q8_0").Tensors.ToLookup(tensor => tensor.Name[^1], tensor => tensor.Type);
        Assert.All(types['a'], type => Assert.Equal(GgmlType.Q8_0, type));
        Assert.All(types['b'], type => Assert.Equal(GgmlType.F16, type));
    }

    /// <summary>The engine with the adapter on the base model, and the engine with a checkpoint that the adapter was merged into by the test.</summary>
    private async Task RequireSameAsMerged(TinyAdapter adapter, string family)
    {
        var tokens = GoldenLogits.Read(family, "f32").Tokens;
        var plan = Plan(adapter.Save(_folder.File("adapter")), family, "F32");
        await ModelConverter.RunAsync(plan);
        var adapted = AdaptedLogits.Last(GoldenLogits.PathOf(family, "f32"), tokens, (plan.Output, 0.5f));

        var merged = ConversionPlan.Create(adapter.Merge(TinyCheckpoint.Of(family), 0.5).Save(_folder), _folder.File("merged.gguf"), new ConversionOptions { Type = "F32", KeepLattice = false });
        await ModelConverter.RunAsync(merged);
        var expected = AdaptedLogits.Last(merged.Output, tokens);
        var unchanged = AdaptedLogits.Last(GoldenLogits.PathOf(family, "f32"), tokens);
        var tolerance = 2e-3 * expected.Max(MathF.Abs);
        Assert.True(expected.Zip(unchanged).Max(pair => MathF.Abs(pair.First - pair.Second)) > 4 * tolerance, "The adapter does nothing.");
        Assert.All(expected.Zip(adapted), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    private ConversionPlan Plan(string adapter, string family, string type)
        => ConversionPlan.Create(adapter, _folder.File($"adapter-{type}.gguf"), new ConversionOptions { Type = type, BaseModel = Path.Combine(TestPaths.Golden(family), "hf"), Overwrite = true });
}
