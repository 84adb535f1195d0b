using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion.Forward;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Decoders of which there is no file of llama.cpp's own converter, judged by forward passes written from the papers.</summary>
public sealed class DecoderForwardTests : IDisposable
{
    private const string Yarn = """
        "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 4, "beta_fast": 0.3, "beta_slow": 0.01, "llama_4_scaling_beta": 0.3
        """;

    private const string Hybrid = """
        {"architectures": ["GraniteMoeHybridForCausalLM"], "layer_types": ["mamba", "attention", "mamba"], "num_local_experts": 5, "num_experts_per_tok": 3, "shared_intermediate_size": 40,
         "mamba_n_heads": 8, "mamba_d_state": 16, "mamba_d_conv": 4, "embedding_multiplier": 3.0, "residual_multiplier": 0.4, "attention_multiplier": 0.2, "logits_scaling": 2.0,
         "position_embedding_type": "nope"}
        """;

    private const string OnlyAttention = """{"layer_types": ["attention", "attention", "attention"], "position_embedding_type": "rope"}""";

    private const string NoExperts = """{"num_local_experts": 0, "num_experts_per_tok": 0}""";

    private static readonly int[] Tokens = [5, 17, 42, 101, 7, 250, 33, 120, 271, 64, 290, 12];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"architectures": ["Mistral3ForConditionalGeneration"], "rope_theta": 1000000000.0}""", "language_model.")]
    // As transformers 5 saves it.
    [InlineData("""{"architectures": ["Mistral3ForConditionalGeneration"], "tie_word_embeddings": true}""", "model.language_model.")]
    public async Task Mistral3_InsideItsMultimodalCheckpoint(string change, string prefix)
    {
        var checkpoint = Checkpoint("nemotron-h", """{"model_type": "mistral"}""", change);
        var expected = new ReferenceDecoder(checkpoint.Config, new ReferenceWeights(checkpoint, 7)).Run(Tokens);
        Nest(checkpoint, prefix);
        var plan = await RequireLogits(checkpoint, expected, "mistral3");
        // Mistral's Tekken splits as its tokenizer.json says.
        Assert.Equal("tekken", plan.Metadata.FindString("tokenizer.ggml.pre"));
    }

    [Theory]
    [InlineData("""{"architectures": ["Ministral3ForCausalLM"], """ + Yarn + """, "mscale": 1.0, "mscale_all_dim": 1.0}}""", null)]
    [InlineData("""{"architectures": ["Ministral3ForCausalLM"], """ + Yarn + "}}", null)]
    [InlineData("""{"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "ministral3", "tie_word_embeddings": true, """ + Yarn + """, "mscale": 1.0, "mscale_all_dim": 1.0}}""", "language_model.")]
    public async Task Ministral3(string change, string? prefix)
    {
        var checkpoint = Checkpoint("nemotron-h", change);
        checkpoint.Config.Remove("rope_theta");
        var expected = new ReferenceMinistral(checkpoint.Config, new ReferenceWeights(checkpoint, 8)).Run(Tokens);
        if (prefix is not null)
            Nest(checkpoint, prefix);
        await RequireLogits(checkpoint, expected, "mistral3");
    }

    [Theory]
    [InlineData("""{"rope_type": "default", "rope_theta": 10000.0}""", "yarn")]
    [InlineData("""{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4, "llama_4_scaling_beta": 0.3, "mscale": 0.7, "mscale_all_dim": 0.7}""", "mscale")]
    [InlineData("""{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4, "llama_4_scaling_beta": 0.3, "attention_factor": 1.1}""", "attention factor")]
    [InlineData("""{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4, "llama_4_scaling_beta": 0.3, "truncate": false}""", "truncate")]
    public void Ministral3_OtherThanTheEngines_IsRefused(string rope, string said)
    {
        var checkpoint = Checkpoint("nemotron-h", """{"architectures": ["Ministral3ForCausalLM"]}""");
        new ReferenceDecoder(checkpoint.Config, new ReferenceWeights(checkpoint, 8)).Run([1]);
        checkpoint.Config["rope_parameters"] = JsonNode.Parse(rope);
        RequireRefusal(checkpoint, said);
    }

    [Fact]
    public void Mistral3_WithMistral4Inside_IsRefused()
        => RequireRefusal(Checkpoint("nemotron-h", """{"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral4"}"""), "mistral4");

    [Theory]
    [InlineData("granitehybrid", Hybrid)]
    [InlineData("granitehybrid", Hybrid, NoExperts)]
    [InlineData("granitehybrid", Hybrid, """{"position_embedding_type": "rope", "tie_word_embeddings": true}""")]
    [InlineData("granitemoe", Hybrid, OnlyAttention)]
    [InlineData("granite", Hybrid, OnlyAttention, NoExperts)]
    [InlineData("granite", Hybrid, OnlyAttention, NoExperts, """{"num_experts_per_tok": 3, "position_embedding_type": null}""")]
    public async Task Granite4(string architecture, params string[] changes)
    {
        var checkpoint = Checkpoint("granite", changes);
        var expected = new ReferenceGranite(checkpoint.Config, new ReferenceWeights(checkpoint, 9)).Run(Tokens);
        var plan = await RequireLogits(checkpoint, expected, architecture);
        if (architecture == "granitehybrid")
            Assert.Equal([0, 1, 0], plan.Metadata.FindArray<int>("granitehybrid.attention.head_count_kv")!);
    }

    [Theory]
    [InlineData("""{"mamba_n_groups": 2}""", "mamba_n_groups")]
    [InlineData("""{"mamba_expand": 4}""", "mamba_expand")]
    [InlineData("""{"mamba_proj_bias": true}""", "mamba_proj_bias")]
    [InlineData("""{"layer_types": ["mamba", "attention", "other"]}""", "other")]
    public void Granite4_OtherThanTheEngines_IsRefused(string change, string said) => RequireRefusal(Checkpoint("granite", Hybrid, change), said);

    [Theory]
    [InlineData("""{"logit_scale": 0.5}""")]
    [InlineData("""{"logit_scale": 0.5, "num_hidden_layers": 64, "use_qk_norm": true, "model_max_length": 9000}""")]
    public async Task CommandR(string change)
    {
        var checkpoint = Checkpoint("cohere2", """{"architectures": ["CohereForCausalLM"], "head_dim": null, "num_attention_heads": 4, "num_key_value_heads": 2, "layer_norm_eps": 1e-5, "tie_word_embeddings": true}""", change);
        var expected = new ReferenceCohere(checkpoint.Config, new ReferenceWeights(checkpoint, 10)).Run(Tokens);
        var plan = await RequireLogits(checkpoint, expected, "command-r");
        Assert.Equal(checkpoint.Config.ContainsKey("model_max_length") ? 9000u : 4096u, plan.Metadata["command-r.context_length"]);
    }

    [Theory]
    [InlineData("""{"use_qk_norm": true}""", "use_qk_norm")]
    [InlineData("""{"attention_bias": true}""", "attention_bias")]
    [InlineData("""{"tie_word_embeddings": false}""", "tie_word_embeddings")]
    [InlineData("""{"rope_scaling": {"rope_type": "linear", "factor": 2.0}}""", "rotary")]
    public void CommandR_OtherThanTheEngines_IsRefused(string change, string said)
        => RequireRefusal(Checkpoint("cohere2", """{"architectures": ["CohereForCausalLM"], "head_dim": null, "num_attention_heads": 4, "tie_word_embeddings": true}""", change), said);

    [Fact]
    public void Cohere2_WithBiases_IsRefused()
    {
        var checkpoint = TinyCheckpoint.Of("cohere2");
        checkpoint.Config["attention_bias"] = true;
        RequireRefusal(checkpoint, "attention_bias");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"tie_word_embeddings": true, "rms_norm_eps": 0.01}""")]
    public async Task Olmoe(string change)
    {
        var checkpoint = Checkpoint("olmo2", """{"architectures": ["OlmoeForCausalLM"], "head_dim": null, "num_attention_heads": 4, "num_key_value_heads": 4, "num_experts": 6, "num_experts_per_tok": 2}""", change);
        var expected = new ReferenceOlmoe(checkpoint.Config, new ReferenceWeights(checkpoint, 11)).Run(Tokens);
        await RequireLogits(checkpoint, expected, "olmoe");
    }

    [Theory]
    [InlineData("""{"clip_qkv": 8.0}""", "clip_qkv")]
    [InlineData("""{"norm_topk_prob": true}""", "norm_topk_prob")]
    [InlineData("""{"num_key_value_heads": 2}""", "num_key_value_heads")]
    public void Olmoe_OtherThanTheEngines_IsRefused(string change, string said)
        => RequireRefusal(Checkpoint("olmo2", """{"architectures": ["OlmoeForCausalLM"], "head_dim": null, "num_attention_heads": 4, "num_key_value_heads": 4}""", change), said);

    [Theory]
    [InlineData("""{"hidden_act": "gelu"}""")]
    [InlineData("""{"hidden_activation": "gelu_pytorch_tanh", "rope_theta": 500.0}""")]
    public async Task Gemma1(string change)
    {
        var checkpoint = Checkpoint("gemma2", """{"architectures": ["GemmaForCausalLM"], "tie_word_embeddings": true}""", change);
        var expected = new ReferenceGemma(checkpoint.Config, new ReferenceWeights(checkpoint, 12)).Run(Tokens);
        var plan = await RequireLogits(checkpoint, expected, "gemma");
        Assert.False(plan.Metadata.ContainsKey("tokenizer.ggml.prefix_token_id"));
    }

    [Theory]
    [InlineData("{}", false)]
    [InlineData("{}", true)]
    [InlineData("""{"use_qk_norm": true, "attention_bias": false, "norm_topk_prob": false, "routed_scaling_factor": 2.5, "first_k_dense_replace": 0, "n_shared_experts": 2, "tie_word_embeddings": true}""", false)]
    public async Task Glm45(string change, bool predicts)
    {
        var checkpoint = Checkpoint("glm4", """
            {"architectures": ["Glm4MoeForCausalLM"], "attention_bias": true, "partial_rotary_factor": 0.5, "moe_intermediate_size": 24, "n_routed_experts": 6, "num_experts_per_tok": 3,
             "n_shared_experts": 1, "routed_scaling_factor": 1.0, "first_k_dense_replace": 1, "norm_topk_prob": true, "num_nextn_predict_layers": 1}
            """, change);
        var expected = new ReferenceGlm4Moe(checkpoint.Config, new ReferenceWeights(checkpoint, 13)).Run(Tokens);
        if (predicts)
        {
            // A layer more, which the engine loads and does not run.
            foreach (var (name, tensor) in checkpoint.Tensors.Where(entry => entry.Key.StartsWith("model.layers.2.", StringComparison.Ordinal)).ToList())
                checkpoint.Tensors.Add(name.Replace("layers.2.", "layers.3.", StringComparison.Ordinal), tensor);
            checkpoint.Add("model.layers.3.eh_proj.weight", 48, 96);
            checkpoint.Add("model.layers.3.enorm.weight", 48);
            checkpoint.Add("model.layers.3.hnorm.weight", 48);
            checkpoint.Add("model.layers.3.shared_head.norm.weight", 48);
            checkpoint.Add("model.layers.3.shared_head.head.weight", 384, 48);
            checkpoint.Add("model.layers.3.embed_tokens.weight", 384, 48);
        }
        var plan = await RequireLogits(checkpoint, expected, "glm4moe");
        Assert.Equal(predicts ? 4u : 3u, plan.Metadata["glm4moe.block_count"]);
        Assert.Equal(predicts, plan.Metadata.ContainsKey("glm4moe.nextn_predict_layers"));
    }

    [Theory]
    // Phi-4; Phi-4-mini in its trained context and beyond.
    [InlineData(null, """{"partial_rotary_factor": 1.0, "sliding_window": null}""")]
    [InlineData("short_factor", """{"original_max_position_embeddings": 1024, "tie_word_embeddings": true, "sliding_window": 262144}""")]
    [InlineData("long_factor", """{"original_max_position_embeddings": 32, "tie_word_embeddings": true, "sliding_window": 262144}""")]
    public async Task Phi4(string? factors, string change)
    {
        var checkpoint = Checkpoint("gpt-oss", """{"architectures": ["Phi3ForCausalLM"], "partial_rotary_factor": 0.75, "head_dim": null}""", change);
        if (factors is not null)
            checkpoint.Config["rope_scaling"] = JsonNode.Parse("""{"type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.5, 1.7, 2.0], "long_factor": [1.0, 1.5, 3.0, 7.0, 20.0, 40.0]}""");
        var expected = new ReferencePhi3(checkpoint.Config, new ReferenceWeights(checkpoint, 14), factors).Run(Tokens);
        var plan = await RequireLogits(checkpoint, expected, "phi3");
        Assert.Equal("gpt-4o", plan.Metadata.FindString("tokenizer.ggml.pre"));
    }

    [Theory]
    [InlineData("llama", "hidden_act", "gelu", "silu")]
    [InlineData("qwen3moe", "hidden_act", "relu", "silu")]
    [InlineData("mamba2", "hidden_act", "gelu", "silu")]
    [InlineData("gemma3", "hidden_activation", "gelu", "gelu_pytorch_tanh")]
    [InlineData("starcoder2", "hidden_act", "silu", "gelu_pytorch_tanh")]
    [InlineData("nemotron-h", "mlp_hidden_act", "gelu", "relu2")]
    [InlineData("nemotron-h", "mamba_hidden_act", "gelu", "silu")]
    [InlineData("granite", "hidden_act", "gelu_new", "silu")]
    public void AnotherActivationThanTheEngines_IsRefused(string golden, string key, string other, string own)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config[key] = other;
        RequireRefusal(checkpoint, $"{own}, the checkpoint '{other}' ({key})");
        // What it has by another name, and by none.
        checkpoint.Config[key] = own == "silu" ? "swish" : own;
        Plan(checkpoint);
        checkpoint.Config.Remove(key);
        Plan(checkpoint);
    }

    /// <summary>A small decoder's configuration with a golden model's tokenizer, changed.</summary>
    private static TinyCheckpoint Checkpoint(string tokenizer, params string[] changes)
    {
        var checkpoint = TinyCheckpoint.Of(tokenizer);
        checkpoint.Replace("""
            {
              "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 56, "vocab_size": 384,
              "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 20000.0, "tie_word_embeddings": false
            }
            """);
        foreach (var (key, value) in changes.SelectMany(change => JsonNode.Parse(change)!.AsObject()))
            checkpoint.Config[key] = value?.DeepClone();
        return checkpoint;
    }

    /// <summary>Moves a language model into a multimodal checkpoint with a tower beside it.</summary>
    private static void Nest(TinyCheckpoint checkpoint, string prefix)
    {
        foreach (var name in checkpoint.Tensors.Keys.ToList())
        {
            // Transformers 5 leaves the head outside.
            var isNew = prefix.StartsWith("model.", StringComparison.Ordinal);
            if (!isNew || name.StartsWith("model.", StringComparison.Ordinal))
                checkpoint.Rename(name, prefix + (isNew ? name["model.".Length..] : name));
        }
        checkpoint.Add("vision_tower.patch_conv.weight", 4, 3, 2, 2);
        checkpoint.Add("multi_modal_projector.linear_1.weight", 4, 4);
        var text = checkpoint.Config.DeepClone().AsObject();
        text.Remove("architectures", out var names);
        checkpoint.Config.Clear();
        checkpoint.Config["architectures"] = names;
        checkpoint.Config["model_type"] = "mistral3";
        checkpoint.Config["text_config"] = text;
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint) => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true });

    private void RequireRefusal(TinyCheckpoint checkpoint, string said)
    {
        var exception = Assert.Throws<ModelOpsException>(() => Plan(checkpoint));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, exception.Kind);
        Assert.Contains(said, exception.Message);
    }

    private async Task<ConversionPlan> RequireLogits(TinyCheckpoint checkpoint, double[] expected, string architecture)
    {
        var plan = Plan(checkpoint);
        Assert.Equal(architecture, plan.Architecture);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, Tokens, expected);
        return plan;
    }
}
