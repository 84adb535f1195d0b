using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// Checkpoints that say the same as a golden one in another way, or compute the same by other means: the result is judged by the golden
/// file, or by the logits that the engine gave for it.
/// </summary>
public sealed class ArchitectureVariantTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Decoders => ["llama", "mistral", "qwen2", "qwen3", "qwen3moe", "phi3", "smollm3", "olmo2", "granite", "starcoder2", "glm4", "cohere2"];

    [Theory]
    [MemberData(nameof(Decoders))]
    public async Task ConfigOfTransformers5_InSeveralShards_IsTheSameModel(string golden)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        var rope = checkpoint.Config["rope_scaling"] as JsonObject ?? new JsonObject { ["rope_type"] = "default" };
        checkpoint.Config.Remove("rope_scaling");
        foreach (var key in new[] { "rope_theta", "partial_rotary_factor" })
        {
            if (checkpoint.Config[key]?.DeepClone() is { } value)
                rope[key] = value;
            checkpoint.Config.Remove(key);
        }
        checkpoint.Config["rope_parameters"] = rope;
        checkpoint.Config.Remove("torch_dtype");
        checkpoint.Config["dtype"] = "bfloat16";
        await RequireGolden(golden, checkpoint.Save(_folder, shards: 3));
    }

    [Fact]
    public async Task Experts_StoredTogether_AreThoseStoredOneByOne()
    {
        var checkpoint = TinyCheckpoint.Of("qwen3moe");
        for (var layer = 0; layer < 2; layer++)
        {
            var experts = $"model.layers.{layer}.mlp.experts";
            // [experts, hidden, width], and [experts, gate above up, hidden].
            Merge($"{experts}.down_proj", expert => [$"{experts}.{expert}.down_proj.weight"]);
            Merge($"{experts}.gate_up_proj", expert => [$"{experts}.{expert}.gate_proj.weight", $"{experts}.{expert}.up_proj.weight"]);
        }
        await RequireGolden("qwen3moe", checkpoint.Save(_folder));

        void Merge(string target, Func<int, string[]> names)
        {
            var parts = Enumerable.Range(0, 4).SelectMany(names).Select(name => checkpoint.Tensors[name]).ToList();
            var shape = parts[0].Shape;
            foreach (var name in Enumerable.Range(0, 4).SelectMany(names))
                checkpoint.Tensors.Remove(name);
            checkpoint.Tensors.Add(target, new TinyCheckpoint.Tensor(parts[0].Type, [4, shape[0] * parts.Count / 4, shape[1]], [.. parts.SelectMany(part => part.Data)]));
        }
    }

    [Fact]
    public void Experts_InBothLayouts_OrIncomplete_AreRefused()
    {
        var checkpoint = TinyCheckpoint.Of("qwen3moe");
        checkpoint.Tensors.Remove("model.layers.1.mlp.experts.2.up_proj.weight");
        var exception = Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder)));
        Assert.Equal(ErrorKind.CorruptFile, exception.Kind);
        Assert.Contains("lacks 1 tensors", exception.Message);
        Assert.Contains("model.layers.1.mlp.experts.2.up_proj.weight", exception.Message);

        checkpoint = TinyCheckpoint.Of("qwen3moe");
        checkpoint.Tensors.Add("model.layers.0.mlp.experts.down_proj", new TinyCheckpoint.Tensor("BF16", [4, 32, 48], new byte[4 * 32 * 48 * 2]));
        Assert.Contains("twice", Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Message);
    }

    [Fact]
    public async Task Mixtral_OfEqualExperts_ComputesWhatTheDenseModelDoes()
    {
        // The weights of the chosen experts sum to one, so experts that are all alike are the network they are copies of, whatever the router says.
        const int Experts = 5;
        var checkpoint = TinyCheckpoint.Of("mistral");
        checkpoint.Config["architectures"] = new JsonArray("MixtralForCausalLM");
        checkpoint.Config["num_local_experts"] = Experts;
        var hidden = checkpoint.Config["hidden_size"]!.GetValue<int>();
        for (var layer = 0; layer < checkpoint.Config["num_hidden_layers"]!.GetValue<int>(); layer++)
        {
            foreach (var (name, dense) in new[] { ("w1", "gate_proj"), ("w2", "down_proj"), ("w3", "up_proj") })
            {
                for (var expert = 0; expert < Experts; expert++)
                    checkpoint.Tensors.Add($"model.layers.{layer}.block_sparse_moe.experts.{expert}.{name}.weight", checkpoint.Tensors[$"model.layers.{layer}.mlp.{dense}.weight"]);
                checkpoint.Tensors.Remove($"model.layers.{layer}.mlp.{dense}.weight");
            }
            var router = checkpoint.Tensors["model.embed_tokens.weight"].Data.AsSpan(0, Experts * hidden * 2).ToArray();
            checkpoint.Tensors.Add($"model.layers.{layer}.block_sparse_moe.gate.weight", new TinyCheckpoint.Tensor("BF16", [Experts, hidden], router));
        }
        var plan = await RequireLogits("mistral", checkpoint.Save(_folder));
        Assert.Equal("llama", plan.Architecture);
        Assert.Equal(5u, plan.Metadata["llama.expert_count"]);
        Assert.Equal(2u, plan.Metadata["llama.expert_used_count"]);
        Assert.StartsWith("5x", plan.Metadata.FindString("general.size_label"), StringComparison.Ordinal);
        Assert.Equal([48L, 32, Experts], plan.Tensors.Single(tensor => tensor.Name == "blk.0.ffn_down_exps.weight").Shape);
    }

    [Theory]
    [InlineData("qwen2")]
    [InlineData("smollm3")]
    [InlineData("granite")]
    [InlineData("starcoder2")]
    public async Task Untied_WithAHeadLikeTheEmbedding_ComputesTheSame(string golden)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config["tie_word_embeddings"] = false;
        Assert.Contains("lm_head.weight", Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Message);
        checkpoint.Tensors.Add("lm_head.weight", checkpoint.Tensors["model.embed_tokens.weight"]);
        var plan = await RequireLogits(golden, checkpoint.Save(_folder));
        Assert.Contains("output.weight", plan.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Qwen3Moe_ThatDoesNotSayThatItNormalises_DoesNot()
    {
        // Transformers saves nothing that equals its default, which is not to.
        var checkpoint = TinyCheckpoint.Of("qwen3moe");
        checkpoint.Config.Remove("norm_topk_prob");
        Assert.Contains("norm_topk_prob", Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Message);
    }

    [Fact]
    public async Task Lfm2_WithTheNumbersOfItsAttentionLayers_IsTheSameModel()
    {
        var checkpoint = TinyCheckpoint.Of("lfm2");
        checkpoint.Config.Remove("layer_types");
        checkpoint.Config["full_attn_idxs"] = new JsonArray(2);
        await RequireGolden("lfm2", checkpoint.Save(_folder));
    }

    [Fact]
    public void Olmo3_WithoutABaseOfItsPositions_HasTheLibrarys()
    {
        var checkpoint = TinyCheckpoint.Of("olmo2");
        checkpoint.Config["architectures"] = new JsonArray("Olmo3ForCausalLM");
        checkpoint.Config.Remove("rope_theta");
        Assert.Equal(500000f, Plan(checkpoint.Save(_folder)).Metadata["olmo2.rope.freq_base"]);
    }

    [Fact]
    public async Task ModelWithoutAHead_IsTheSameModel()
    {
        var checkpoint = TinyCheckpoint.Of("qwen2");
        checkpoint.Config["architectures"] = new JsonArray("Qwen2Model");
        foreach (var name in checkpoint.Tensors.Keys.ToList())
            checkpoint.Rename(name, name["model.".Length..]);
        await RequireGolden("qwen2", checkpoint.Save(_folder));
    }

    [Theory]
    [InlineData("qwen3", "lm_head.weight")]
    [InlineData("qwen3-embedding", "embed_tokens.weight")]
    public async Task Qwen3Reranker_KeepsTheTwoRowsOfTheHeadThatAnswer(string golden, string head)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config["_name_or_path"] = "Qwen/Qwen3-Reranker-0.6B";
        var folder = checkpoint.Save(_folder);
        var tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")))!;
        var vocabulary = tokenizer["model"]!["vocab"]!.AsObject();
        var texts = vocabulary.Take(300).Select(entry => entry.Key).TakeLast(2).ToList();
        foreach (var (text, answer) in texts.Zip(["yes", "no"]))
        {
            var id = vocabulary[text]!.GetValue<int>();
            vocabulary.Remove(text);
            vocabulary[answer] = id;
        }
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
        var (yes, no) = (vocabulary["yes"]!.GetValue<int>(), vocabulary["no"]!.GetValue<int>());

        var plan = Plan(folder, "BF16");
        await ModelConverter.RunAsync(plan);
        Assert.Equal(4u, plan.Metadata["qwen3.pooling_type"]);
        Assert.Equal(["yes", "no"], plan.Metadata.FindArray<string>("qwen3.classifier.output_labels")!);
        Assert.Contains("{query}", plan.Metadata.FindString("tokenizer.chat_template.rerank"));
        Assert.DoesNotContain("output.weight", plan.Tensors.Select(tensor => tensor.Name));
        var answers = plan.Tensors.Single(tensor => tensor.Name == "cls.output.weight");
        Assert.Equal([32L, 2], answers.Shape);
        var rows = checkpoint.Tensors[head].Data;
        var written = (await File.ReadAllBytesAsync(plan.Output)).AsSpan((int)answers.Offset, (int)answers.Bytes).ToArray();
        Assert.Equal([.. rows.AsSpan(yes * 64, 64), .. rows.AsSpan(no * 64, 64)], written);
    }

    [Fact]
    public async Task Olmo3_WhoseWindowHoldsTheText_ComputesWhatOlmo2Does()
    {
        var checkpoint = TinyCheckpoint.Of("olmo2");
        checkpoint.Config["architectures"] = new JsonArray("Olmo3ForCausalLM");
        var plan = await RequireLogits("olmo2", checkpoint.Save(_folder));
        Assert.Equal(4096u, plan.Metadata["olmo2.attention.sliding_window"]);
        Assert.Equal([true, true], plan.Metadata.FindArray<bool>("olmo2.attention.sliding_window_pattern")!);
        checkpoint.Config["layer_types"] = new JsonArray("sliding_attention", "full_attention");
        Assert.Equal([true, false], Plan(checkpoint.Save(_folder)).Metadata.FindArray<bool>("olmo2.attention.sliding_window_pattern")!);
    }

    [Fact]
    public async Task Phi3_WithFactorsThatStretchNothing_ComputesTheSame()
    {
        var checkpoint = TinyCheckpoint.Of("phi3");
        checkpoint.Config["rope_scaling"] = JsonNode.Parse("""{"type": "longrope", "short_factor": [1, 1, 1, 1], "long_factor": [1, 1, 1, 1]}""");
        var plan = await RequireLogits("phi3", checkpoint.Save(_folder));
        Assert.Equal(["rope_factors_long.weight", "rope_factors_short.weight"], plan.Tensors.Take(2).Select(tensor => tensor.Name));
        Assert.Equal(1f, plan.Metadata["phi3.rope.scaling.attn_factor"]);

        checkpoint.Config["max_position_embeddings"] = 131072;
        // √(1 + ln 32 / ln 4096)
        Assert.Equal(1.1902380714238083, (float)Plan(checkpoint.Save(_folder)).Metadata["phi3.rope.scaling.attn_factor"], 1e-6);
        checkpoint.Config["rope_scaling"]!["short_factor"]!.AsArray().Add(1);
        Assert.Contains("5 short", Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Message);
        checkpoint.Config["rope_scaling"] = JsonNode.Parse("""{"type": "linear", "factor": 2}""");
        Assert.Contains("linear", Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Message);
    }

    [Theory]
    [InlineData("smollm3", "no_rope_layers", "[1, 0, 1, 0]")]
    [InlineData("gemma2", "query_pre_attn_scalar", "17")]
    [InlineData("gemma2", "attn_logit_softcapping", "null")]
    [InlineData("cohere2", "rope_scaling", """{"rope_type": "yarn", "factor": 2.0}""")]
    [InlineData("cohere2", "layer_types", """["full_attention", "sliding_attention", "full_attention", "full_attention"]""")]
    [InlineData("lfm2", "conv_bias", "true")]
    [InlineData("qwen3moe", "mlp_only_layers", "[1]")]
    [InlineData("qwen3moe", "norm_topk_prob", "false")]
    [InlineData("smollm3", "sliding_window", "128")]
    [InlineData("glm4", "rope_scaling", """{ "type": "mrope", "mrope_section": [2, 1, 1] }""")]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string golden, string key, string value)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config["use_sliding_window"] = key == "sliding_window";
        checkpoint.Config[key] = JsonNode.Parse(value);
        Assert.Equal(ErrorKind.UnsupportedArchitecture, Assert.Throws<ModelOpsException>(() => Plan(checkpoint.Save(_folder))).Kind);
    }

    // What the model library's configuration classes assume.
    [Theory]
    [InlineData("qwen2", "rope_theta", "qwen2.rope.freq_base", 10000f)]
    [InlineData("qwen2", "max_position_embeddings", "qwen2.context_length", 32768u)]
    [InlineData("qwen3", "rms_norm_eps", "qwen3.attention.layer_norm_rms_epsilon", 1e-6f)]
    [InlineData("gemma2", "sliding_window", "gemma2.attention.sliding_window", 4096u)]
    [InlineData("gemma2", "final_logit_softcapping", "gemma2.final_logit_softcapping", 30f)]
    [InlineData("phi3", "original_max_position_embeddings", "phi3.rope.scaling.original_context_length", 4096u)]
    [InlineData("phi3", "sliding_window", "phi3.attention.sliding_window", 0u)]
    [InlineData("smollm3", "rope_theta", "smollm3.rope.freq_base", 2000000f)]
    [InlineData("granite", "logits_scaling", "granite.logit_scale", 1f)]
    [InlineData("starcoder2", "max_position_embeddings", "starcoder2.context_length", 4096u)]
    [InlineData("glm4", "partial_rotary_factor", "glm4.rope.dimension_count", 8u)]
    [InlineData("glm4", "rms_norm_eps", "glm4.attention.layer_norm_rms_epsilon", 1.5625e-7f)]
    [InlineData("cohere2", "logit_scale", "cohere2.logit_scale", 0.0625f)]
    [InlineData("qwen3moe", "num_experts_per_tok", "qwen3moe.expert_used_count", 8u)]
    public void AbsentKey_HasTheLibrarysDefault(string golden, string absent, string key, object value)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        checkpoint.Config.Remove(absent);
        Assert.Equal(value, Plan(checkpoint.Save(_folder)).Metadata[key]);
    }

    private ConversionPlan Plan(string checkpoint, string type = "F32") => ConversionPlan.Create(checkpoint, _folder.File("model.gguf"), new ConversionOptions { Type = type, Overwrite = true });

    /// <summary>The same metadata and, name by name, the same bytes; only the order of tensors follows the shards.</summary>
    private async Task RequireGolden(string golden, string checkpoint)
    {
        var official = GgufFile.Read(GoldenLogits.PathOf(golden, "bf16"));
        var plan = Plan(checkpoint, "BF16");
        Assert.Equal(Describe(official.Metadata), Describe(plan.Metadata));
        await ModelConverter.RunAsync(plan);
        var (ours, theirs) = (await File.ReadAllBytesAsync(plan.Output), await File.ReadAllBytesAsync(official.Path!));
        Assert.Equal(official.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), plan.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in plan.Tensors)
        {
            var expected = official.Tensors.Single(other => other.Name == tensor.Name);
            Assert.Equal((expected.Type, string.Join(',', expected.Shape)), (tensor.Type, string.Join(',', tensor.Shape)));
            Assert.True(theirs.AsSpan((int)expected.Offset, (int)expected.Bytes).SequenceEqual(ours.AsSpan((int)tensor.Offset, (int)tensor.Bytes)), tensor.Name);
        }

        static IEnumerable<string> Describe(GgufMetadata metadata)
            => metadata.Select(entry => $"{entry.Key}: {(entry.Value is Array values ? string.Join('|', values.Cast<object>()) : entry.Value)}").Order(StringComparer.Ordinal);
    }

    private async Task<ConversionPlan> RequireLogits(string golden, string checkpoint)
    {
        var plan = Plan(checkpoint);
        await ModelConverter.RunAsync(plan);
        var expected = GoldenLogits.Read(golden, "f32");
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = plan.Output, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        var last = engine.Evaluate(expected.Tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));
        return plan;
    }
}
