using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion.Forward;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// The engine computes from our files the logits that <see cref="QwenForward"/> computes from the checkpoints: for what no golden file
/// covers.
/// </summary>
public sealed class QwenForwardTests : IDisposable
{
    private static readonly int[] Tokens = [5, 17, 42, 101, 7, 250, 33, 120, 271, 64, 290, 12];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, 2)]
    [InlineData(2, 4)]
    [InlineData(2, 8)]
    [InlineData(1, 3)]
    [InlineData(3, 6)]
    public async Task LinearAttention_WithOtherRatiosOfHeads(int keyHeads, int valueHeads)
    {
        foreach (var (name, golden) in new[] { ("Qwen3NextForCausalLM", "qwen3next"), ("Qwen3_5ForCausalLM", "qwen3.5"), ("Qwen3_5MoeForCausalLM", "qwen3.5") })
        {
            var config = Hybrid(name);
            config["linear_num_key_heads"] = keyHeads;
            config["linear_num_value_heads"] = valueHeads;
            await RequireLogits(new QwenCheckpoint(golden, config));
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Qwen35Moe_InsideTheMultimodalCheckpoint(bool fuses, bool tied)
    {
        var text = Hybrid("Qwen3_5MoeForConditionalGeneration");
        text.Remove("architectures");
        // As today's library saves it.
        text["rope_parameters"] = JsonNode.Parse("""{"rope_type": "default", "rope_theta": 50000, "partial_rotary_factor": 0.5, "mrope_section": [3, 3, 2], "mrope_interleaved": true}""");
        text.Remove("rope_theta");
        text["tie_word_embeddings"] = tied;
        var checkpoint = new QwenCheckpoint("qwen3.5", new JsonObject { ["architectures"] = new JsonArray("Qwen3_5MoeForConditionalGeneration"), ["tie_word_embeddings"] = tied, ["text_config"] = text }, fuses);
        checkpoint.AddForeign("model.visual.blocks.0.attn.qkv.weight", 12, 4);
        var plan = await RequireLogits(checkpoint);
        Assert.Equal("qwen35moe", plan.Architecture);
        Assert.Equal([3, 3, 2, 0], plan.Metadata.FindArray<int>("qwen35moe.rope.dimension_sections")!);
        Assert.Equal(8u, plan.Metadata["qwen35moe.rope.dimension_count"]);
        Assert.Equal(24u, plan.Metadata["qwen35moe.expert_feed_forward_length"]);
        Assert.Equal(40u, plan.Metadata["qwen35moe.expert_shared_feed_forward_length"]);
        Assert.Equal(4u, plan.Metadata["qwen35moe.block_count"]);
        Assert.False(plan.Metadata.ContainsKey("qwen35moe.nextn_predict_layers"));
        Assert.Equal(!tied, plan.Tensors.Any(tensor => tensor.Name == "output.weight"));
    }

    [Theory]
    [InlineData("Qwen3NextForCausalLM", "qwen3next")]
    [InlineData("Qwen3_5ForCausalLM", "qwen3.5")]
    [InlineData("Qwen3_5MoeForCausalLM", "qwen3.5")]
    public async Task FullAttention_WhereConfigSays_ByDistanceOrByLayer(string name, string golden)
    {
        var config = Hybrid(name);
        config["full_attention_interval"] = 2;
        var plan = await RequireLogits(new QwenCheckpoint(golden, config));
        Assert.Equal(2u, plan.Metadata[$"{plan.Architecture}.full_attention_interval"]);

        config["layer_types"] = new JsonArray("full_attention", "linear_attention", "linear_attention", "full_attention");
        plan = await RequireLogits(new QwenCheckpoint(golden, config));
        Assert.Equal([false, true, true, false], plan.Metadata.FindArray<bool>($"{plan.Architecture}.attention.recurrent_layers")!);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Qwen2Moe(bool fuses, bool tied)
    {
        var config = Plain("Qwen2MoeForCausalLM");
        AddExperts(config);
        config["tie_word_embeddings"] = tied;
        var plan = await RequireLogits(new QwenCheckpoint("qwen2", config, fuses));
        Assert.Equal("qwen2moe", plan.Architecture);
        Assert.Equal(40u, plan.Metadata["qwen2moe.expert_shared_feed_forward_length"]);
    }

    [Theory]
    [InlineData("Qwen2VLForConditionalGeneration", true)]
    [InlineData("Qwen2_5_VLForConditionalGeneration", false)]
    public async Task Qwen2Vl(string name, bool isFlat)
    {
        var config = Plain(name);
        config.Remove("head_dim");
        config["rope_scaling"] = JsonNode.Parse("""{"type": "mrope", "mrope_section": [4, 2, 2]}""");
        if (!isFlat)
            config = Nest(config);
        // The older layout has the language model at the root, and the tower for images beside it.
        var checkpoint = new QwenCheckpoint("qwen2", config);
        checkpoint.AddForeign(isFlat ? "visual.blocks.0.attn.qkv.weight" : "model.visual.blocks.0.attn.qkv.weight", 12, 4);
        var plan = await RequireLogits(checkpoint);
        Assert.Equal("qwen2vl", plan.Architecture);
        Assert.Equal([4, 2, 2, 0], plan.Metadata.FindArray<int>("qwen2vl.rope.dimension_sections")!);
    }

    [Theory]
    [InlineData("""{"deepstack_visual_indexes": [1, 2]}""", 2)]
    [InlineData("""{}""", 3)]
    public async Task Qwen3Vl(string vision, int deepLayers)
    {
        var config = Nest(Plain("Qwen3VLForConditionalGeneration"));
        config["vision_config"] = JsonNode.Parse(vision);
        var checkpoint = new QwenCheckpoint("qwen3", config);
        checkpoint.AddForeign("model.visual.merger.linear_fc1.weight", 8, 8);
        var plan = await RequireLogits(checkpoint);
        // Eight pairs, in turn to time, height and width.
        Assert.Equal([3, 3, 2, 0], plan.Metadata.FindArray<int>("qwen3vl.rope.dimension_sections")!);
        Assert.Equal((uint)deepLayers, plan.Metadata["qwen3vl.n_deepstack_layers"]);
    }

    [Fact]
    public async Task Qwen3VlMoe()
    {
        var config = Plain("Qwen3VLMoeForConditionalGeneration");
        AddExperts(config);
        config.Remove("shared_expert_intermediate_size");
        config["rope_scaling"] = JsonNode.Parse("""{"rope_type": "default", "mrope_section": [3, 3, 2], "mrope_interleaved": true}""");
        config = Nest(config);
        config["vision_config"] = new JsonObject { ["deepstack_visual_indexes"] = new JsonArray(0, 1) };
        var plan = await RequireLogits(new QwenCheckpoint("qwen3moe", config));
        Assert.Equal("qwen3vlmoe", plan.Architecture);
        Assert.Equal(24u, plan.Metadata["qwen3vlmoe.expert_feed_forward_length"]);
        Assert.Equal([24L, 48, 5], plan.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_down_exps.weight").Shape);
    }

    [Theory]
    [InlineData("Qwen3NextForCausalLM", "qwen3next", "attention_bias", "true")]
    [InlineData("Qwen3NextForCausalLM", "qwen3next", "norm_topk_prob", "false")]
    [InlineData("Qwen3NextForCausalLM", "qwen3next", "mlp_only_layers", "[0]")]
    [InlineData("Qwen3_5ForCausalLM", "qwen3.5", "linear_value_head_dim", "32")]
    [InlineData("Qwen3_5ForCausalLM", "qwen3.5", "attn_output_gate", "false")]
    [InlineData("Qwen3_5ForCausalLM", "qwen3.5", "layer_types", """["linear_attention", "sliding_attention", "linear_attention", "full_attention"]""")]
    [InlineData("Qwen3_5ForCausalLM", "qwen3.5", "rope_scaling", """{"rope_type": "longrope", "factor": 2}""")]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string name, string golden, string key, string value)
    {
        var checkpoint = new QwenCheckpoint(golden, Hybrid(name));
        checkpoint.Checkpoint.Config[key] = JsonNode.Parse(value);
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);
    }

    [Theory]
    [InlineData("norm_topk_prob", "true")]
    [InlineData("decoder_sparse_step", "2")]
    [InlineData("use_sliding_window", "true")]
    public void Qwen2Moe_OtherThanTheEngines_IsRefused(string key, string value)
    {
        var config = Plain("Qwen2MoeForCausalLM");
        AddExperts(config);
        var checkpoint = new QwenCheckpoint("qwen2", config);
        checkpoint.Checkpoint.Config["sliding_window"] = 1024;
        checkpoint.Checkpoint.Config[key] = JsonNode.Parse(value);
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Kind);
    }

    [Fact]
    public async Task PredictionLayers_LostInTuning_AreNotCounted()
    {
        // config.json still speaks of them.
        var checkpoint = TinyCheckpoint.Of("qwen3.5");
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.StartsWith("mtp.", StringComparison.Ordinal)).ToList())
            checkpoint.Tensors.Remove(name);
        var plan = ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        Assert.Equal(4u, plan.Metadata["qwen35.block_count"]);
        Assert.False(plan.Metadata.ContainsKey("qwen35.nextn_predict_layers"));
        await ModelConverter.RunAsync(plan);
        var expected = Engine.GoldenLogits.Read("qwen3.5", "f32");
        var logits = await LastLogits(plan.Output, expected.Tokens);
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, logits[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));

        checkpoint.Tensors.Add("mtp.layers.0.input_layernorm.weight", checkpoint.Tensors["model.language_model.norm.weight"]);
        Assert.Contains("mtp.layers.0.self_attn.k_proj.weight", Assert.Throws<ModelOpsException>(() => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("other.gguf"), new ConversionOptions())).Message);
    }

    private static JsonObject Plain(string name) => JsonNode.Parse($$"""
        {
          "architectures": ["{{name}}"], "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16,
          "intermediate_size": 56, "vocab_size": 384, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 20000, "tie_word_embeddings": false
        }
        """)!.AsObject();

    private static JsonObject Hybrid(string name)
    {
        var config = Plain(name);
        config["num_hidden_layers"] = 4;
        config["linear_num_key_heads"] = 2;
        config["linear_num_value_heads"] = 4;
        config["linear_key_head_dim"] = 16;
        config["linear_value_head_dim"] = 16;
        config["linear_conv_kernel_dim"] = 4;
        if (!name.StartsWith("Qwen3_5For", StringComparison.Ordinal))
            AddExperts(config);
        return config;
    }

    private static void AddExperts(JsonObject config)
    {
        config["num_experts"] = 5;
        config["num_experts_per_tok"] = 3;
        config["moe_intermediate_size"] = 24;
        config["shared_expert_intermediate_size"] = 40;
    }

    private static JsonObject Nest(JsonObject config)
    {
        var name = config["architectures"]!.DeepClone();
        config.Remove("architectures");
        return new JsonObject { ["architectures"] = name, ["text_config"] = config };
    }

    private ConversionPlan Plan(QwenCheckpoint checkpoint)
        => ConversionPlan.Create(checkpoint.Checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true });

    private async Task<ConversionPlan> RequireLogits(QwenCheckpoint checkpoint)
    {
        var expected = new QwenForward(checkpoint).Run(Tokens);
        var plan = Plan(checkpoint);
        await ModelConverter.RunAsync(plan);
        var logits = await LastLogits(plan.Output, Tokens);
        // The engine keeps keys and values in F16.
        var tolerance = 3e-3 * expected.Max(Math.Abs);
        for (var id = 0; id < expected.Length; id++)
            Assert.Equal(expected[id], logits[id], tolerance);
        return plan;
    }

    private static async Task<float[]> LastLogits(string model, int[] tokens)
    {
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = model, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        return engine.Evaluate(tokens)[^engine.VocabularySize..].ToArray();
    }
}
