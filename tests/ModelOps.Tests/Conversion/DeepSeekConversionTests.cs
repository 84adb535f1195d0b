using System.Text.Json.Nodes;
using ModelOps.Tests.Conversion.Forward;
using ModelOps.Tests.Runner;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>DeepSeek V2 and V3 and their variants, judged by a forward pass written from the papers.</summary>
public sealed class DeepSeekConversionTests : IDisposable
{
    private const string Lite = """{"architectures": ["DeepseekV2ForCausalLM"], "q_lora_rank": null, "scoring_func": "softmax", "topk_method": "greedy", "n_group": 1, "topk_group": 1, "norm_topk_prob": false, "routed_scaling_factor": 1.0, "n_shared_experts": 2}""";

    private static readonly int[] Tokens = [5, 17, 42, 101, 7, 250, 33, 120, 271, 64, 290, 12];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    // V2 Lite has queries of the stream itself; the engine knows it by its 27 layers, or wants to be told.
    [InlineData(Lite)]
    [InlineData("""{"num_hidden_layers": 27}""", Lite)]
    [InlineData("""{"q_lora_rank": 40, "routed_scaling_factor": 16.0, "first_k_dense_replace": 0}""", Lite)]
    [InlineData("""{"norm_topk_prob": true, "n_group": 4, "topk_group": 2}""", Lite)]
    // Other mscale, as V2 Lite's; none at all, as Moonlight's.
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707, "original_max_position_embeddings": 16}}""", Lite)]
    [InlineData("""{"rope_scaling": null, "rope_theta": 50000.0}""", Lite)]
    // V3, of groups that matter and of one that does not; Kimi K2 has one group.
    [InlineData("""{"n_routed_experts": 8, "n_group": 4, "topk_group": 2, "num_experts_per_tok": 3}""")]
    [InlineData("""{"n_routed_experts": 8, "n_group": 4, "topk_group": 4, "num_experts_per_tok": 3}""")]
    [InlineData("""{"n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "n_shared_experts": 2, "rope_scaling": {"type": "yarn", "factor": 32, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 64}}""")]
    [InlineData("""{"q_lora_rank": null}""")]
    public async Task Logits_AreThoseOfTheReference(string change, string? basis = null)
    {
        var checkpoint = Checkpoint(basis, change);
        var expected = new ReferenceDeepSeek(checkpoint.Config, new ReferenceWeights(checkpoint, 7)).Run(Tokens);
        var plan = Plan(checkpoint);
        Assert.Equal("deepseek2", plan.Architecture);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, Tokens, expected);
    }

    /// <summary>Matrices that are large enough for a processor's own layout, which with AMX the engine cannot compute latent attention in (RepackedWeights).</summary>
    [Theory]
    [InlineData("Q8_0", 0.99)]
    [InlineData("Q4_0", 0.8)]
    public async Task Wide_MatricesAreRunAsTheyAre(string type, double least)
    {
        var checkpoint = Checkpoint("""{"hidden_size": 256, "intermediate_size": 256, "kv_lora_rank": 256, "q_lora_rank": 256, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "moe_intermediate_size": 256}""");
        var expected = new ReferenceDeepSeek(checkpoint.Config, new ReferenceWeights(checkpoint, 11)).Run(Tokens);
        var plan = ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = type });
        await ModelConverter.RunAsync(plan);
        // An abort would be the worker's.
        await using (var runner = new WorkerRunner(WorkerDeathTests.Survivor.Command))
        {
            await runner.LoadAsync(new EngineOptions { ModelPath = plan.Output, Parameters = new() { ContextLength = 64, GpuLayers = 0 }, Threads = 1 });
            await runner.GenerateAsync(new GenerationRequest { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 2 });
        }
        var computed = await EngineLogits.LastAsync(plan.Output, Tokens);
        // Rounded weights may choose other experts: what is asked is the direction.
        var cosine = expected.Zip(computed, (one, other) => one * other).Sum() / Math.Sqrt(expected.Sum(logit => logit * logit) * computed.Sum(logit => (double)logit * logit));
        Assert.InRange(cosine, least, 1);
    }

    [Fact]
    public async Task Absent_KeysHaveTheLibrarysMeaning()
    {
        // transformers writes neither the scoring nor the method of V3, and keeps rotary parameters together.
        var checkpoint = Checkpoint(null, "{}");
        var expected = new ReferenceDeepSeek(checkpoint.Config, new ReferenceWeights(checkpoint, 9)).Run(Tokens);
        foreach (var key in new[] { "scoring_func", "topk_method", "moe_layer_freq", "num_nextn_predict_layers" })
            checkpoint.Config.Remove(key);
        var rope = checkpoint.Config["rope_scaling"]!.DeepClone().AsObject();
        rope["rope_type"] = "yarn";
        rope["rope_theta"] = 10000.0;
        checkpoint.Config.Remove("rope_scaling");
        checkpoint.Config.Remove("rope_theta");
        checkpoint.Config["rope_parameters"] = rope;
        var plan = Plan(checkpoint);
        Assert.Equal(2u, plan.Metadata["deepseek2.expert_gating_func"]);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, Tokens, expected);
    }

    [Fact]
    public async Task Tied_DropsTheHead()
    {
        var checkpoint = Checkpoint(null, """{"tie_word_embeddings": true}""");
        var weights = new ReferenceWeights(checkpoint, 11);
        var embedding = weights.Get("model.embed_tokens.weight", 384, 32);
        weights.GetVector("lm_head.weight", 384 * 32, 0, 1);
        embedding.CopyTo(weights.Get("lm_head.weight"), 0);
        var expected = new ReferenceDeepSeek(checkpoint.Config, weights).Run(Tokens);
        var plan = Plan(checkpoint);
        Assert.DoesNotContain("output.weight", plan.Tensors.Select(tensor => tensor.Name));
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, Tokens, expected);
    }

    [Theory]
    [InlineData("""{"attention_bias": true}""", "attention_bias")]
    [InlineData("""{"rope_interleave": false}""", "rope_interleave")]
    [InlineData("""{"moe_layer_freq": 2}""", "moe_layer_freq")]
    [InlineData("""{"n_shared_experts": null}""", "n_shared_experts")]
    [InlineData("""{"num_hidden_layers": 27}""", "27 layers")]
    [InlineData("""{"rope_scaling": {"type": "linear", "factor": 2}}""", "linear")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}}""", "mscale")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 40, "mscale": 1.0, "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096}}""", "mscale")]
    [InlineData("""{"topk_method": "greedy"}""", "topk_method")]
    [InlineData("""{"scoring_func": "softmax"}""", "scoring_func")]
    [InlineData("""{"n_routed_experts": 4, "n_group": 4, "topk_group": 2}""", "n_group")]
    [InlineData("""{"architectures": ["DeepseekV2ForCausalLM"], "topk_method": "group_limited_greedy"}""", "group_limited_greedy")]
    [InlineData("""{"architectures": ["DeepseekV2ForCausalLM"], "topk_method": "greedy", "norm_topk_prob": true}""", "norm_topk_prob")]
    public void WhatTheEngineWouldComputeOtherwise_IsRefused(string change, string said)
    {
        var exception = Assert.Throws<ModelOpsException>(() => Plan(Checkpoint(null, change)));
        Assert.Equal(ErrorKind.UnsupportedArchitecture, exception.Kind);
        Assert.Contains(said, exception.Message);
    }

    [Fact]
    public async Task SplitProjection_StoredInEightBits_IsThatOfItsValues()
    {
        // Real checkpoints hold all projections as E4M3 with a scale for each block.
        const string Name = "model.layers.0.self_attn.kv_b_proj.weight";
        var random = new Random(3);
        var codes = Enumerable.Range(0, 112 * 24).Select(_ => (byte)((random.Next(2) << 7) | random.Next(1, 0x7F))).ToArray();
        float[] scales = [.. Enumerable.Range(0, 4).Select(block => (block + 1) / 64f)];
        var plain = TinyCheckpoint.Of("deepseek-v3");
        plain.Tensors[Name] = new TinyCheckpoint.Tensor("F32", [112, 24], [.. codes.SelectMany((code, i) => BitConverter.GetBytes(Value(code) * scales[i / 24 / 32]))]);
        var expected = await Split(plain);
        var quantised = TinyCheckpoint.Of("deepseek-v3");
        quantised.Config["quantization_config"] = JsonNode.Parse("""{"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [32, 32]}""");
        quantised.Tensors[Name] = new TinyCheckpoint.Tensor("F8_E4M3", [112, 24], codes);
        quantised.Tensors[Name + "_scale_inv"] = new TinyCheckpoint.Tensor("F32", [4, 1], [.. scales.SelectMany(BitConverter.GetBytes)]);
        Assert.Equal(expected, await Split(quantised));

        // Sign, four bits of exponent, three of fraction.
        static float Value(byte code)
        {
            var (exponent, fraction) = ((code >> 3) & 15, code & 7);
            var size = exponent == 0 ? fraction / 8f / 64 : (1 + (fraction / 8f)) * MathF.Pow(2, exponent - 7);
            return code >= 128 ? -size : size;
        }

        async Task<byte[]> Split(TinyCheckpoint checkpoint)
        {
            var plan = Plan(checkpoint);
            await ModelConverter.RunAsync(plan);
            var file = await File.ReadAllBytesAsync(plan.Output);
            return [.. plan.Tensors.Where(tensor => tensor.Name is "blk.0.attn_k_b.weight" or "blk.0.attn_v_b.weight").SelectMany(tensor => file.AsSpan((int)tensor.Offset, (int)tensor.Bytes).ToArray())];
        }
    }

    [Fact]
    public void LayersBeyondTheOnesThatPredict_AreNotDropped()
    {
        var checkpoint = TinyCheckpoint.Of("deepseek-v3");
        checkpoint.Tensors.Add("model.layers.3.input_layernorm.weight", checkpoint.Tensors["model.layers.2.input_layernorm.weight"]);
        Assert.Contains("model.layers.3.input_layernorm.weight", Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Message);
    }

    /// <summary>The golden V3's configuration and tokenizer, changed, without its weights.</summary>
    private static TinyCheckpoint Checkpoint(params string?[] changes)
    {
        var checkpoint = TinyCheckpoint.Of("deepseek-v3");
        checkpoint.Tensors.Clear();
        foreach (var (key, value) in changes.OfType<string>().SelectMany(change => JsonNode.Parse(change)!.AsObject()))
            checkpoint.Config[key] = value?.DeepClone();
        return checkpoint;
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint) => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true });
}
