using System.Buffers.Binary;
using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Gemma 4's variants, and its lattices, from the golden checkpoints.</summary>
public sealed class Gemma4ConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task LayersThatShare_WithoutKeysOfTheirOwn_ComputeTheSame()
    {
        var checkpoint = TinyCheckpoint.Of("gemma4-e2b");
        foreach (var name in checkpoint.Tensors.Keys.Where(IsUnused).ToList())
            checkpoint.Tensors.Remove(name);
        var plan = Plan(checkpoint);
        Assert.DoesNotContain("blk.2.attn_k.weight", plan.Tensors.Select(tensor => tensor.Name));
        await ModelConverter.RunAsync(plan);
        var expected = GoldenLogits.Read("gemma4-e2b", "f32");
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = plan.Output, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        var last = engine.Evaluate(expected.Tokens)[^engine.VocabularySize..].ToArray();
        Assert.All(expected.Top, entry => Assert.Equal(entry.Value, last[entry.Id], 2e-3 * Math.Abs(expected.Top[0].Value)));

        static bool IsUnused(string name)
            => (name.Contains("layers.2.", StringComparison.Ordinal) || name.Contains("layers.3.", StringComparison.Ordinal))
                && (name.Contains(".k_", StringComparison.Ordinal) || name.Contains(".v_proj", StringComparison.Ordinal));
    }

    [Fact]
    public void GlobalSizes_ByLayer_SayTheSame()
    {
        var checkpoint = TinyCheckpoint.Of("gemma4-26b-a4b");
        var expected = Plan(checkpoint);
        var text = checkpoint.Config["text_config"]!.AsObject();
        text.Remove("global_head_dim");
        text.Remove("num_global_key_value_heads");
        text["per_layer_config"] = JsonNode.Parse("""{"1": {"head_dim": 32, "num_key_value_heads": 1}}""");
        var plan = Plan(checkpoint);
        Assert.Equal((int[])[2, 1], plan.Metadata.FindArray<int>("gemma4.attention.head_count_kv")!);
        Assert.Equal(32u, plan.Metadata["gemma4.attention.key_length"]);
        Assert.Equal(expected.Tensors.Select(tensor => tensor.Name), plan.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task DenseModel_Loads()
    {
        var checkpoint = TinyCheckpoint.Of("gemma4-26b-a4b");
        var text = checkpoint.Config["text_config"]!.AsObject();
        text["enable_moe_block"] = false;
        text["num_experts"] = text["top_k_experts"] = text["moe_intermediate_size"] = null;
        // The norms around experts and their router are of the mixture alone.
        foreach (var name in checkpoint.Tensors.Keys.Where(name => name.Contains("experts.", StringComparison.Ordinal) || name.Contains("router.", StringComparison.Ordinal) || name.Contains("layernorm_", StringComparison.Ordinal)).ToList())
            checkpoint.Tensors.Remove(name);
        var plan = Plan(checkpoint);
        Assert.False(plan.Metadata.ContainsKey("gemma4.expert_count"));
        Assert.DoesNotContain("blk.1.attn_v.weight", plan.Tensors.Select(tensor => tensor.Name));
        await ModelConverter.RunAsync(plan);
        using var engine = await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = plan.Output, Parameters = new() { ContextLength = 64 }, Threads = 1 });
        Assert.All(engine.Evaluate([2, 300, 301]).ToArray(), logit => Assert.True(float.IsFinite(logit)));
    }

    [Fact]
    public void UnifiedModel_KeepsTheTokensThatAreSuppressed_AndLeavesOtherModalitiesOut()
    {
        var checkpoint = TinyCheckpoint.Of("gemma4-e2b");
        checkpoint.Config["architectures"] = new JsonArray("Gemma4UnifiedForConditionalGeneration");
        checkpoint.Tensors.Add("model.vision_embedder.patch.weight", new TinyCheckpoint.Tensor("BF16", [1], new byte[2]));
        checkpoint.Tensors.Add("model.embed_audio.embedding_projection.weight", new TinyCheckpoint.Tensor("BF16", [1], new byte[2]));
        var folder = checkpoint.Save(_folder);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"suppress_tokens": [7, 9]}""");
        var plan = ConversionPlan.Create(folder, _folder.File("model.gguf"), new ConversionOptions { Type = "F32" });
        Assert.Equal((int[])[7, 9], plan.Metadata.FindArray<int>("tokenizer.ggml.suppress_tokens")!);
    }

    [Theory]
    [InlineData("gemma4-e2b", "token_embd.weight", "per_layer_token_embd.weight", "blk.0.ffn_gate.weight")]
    [InlineData("gemma4-26b-a4b", "token_embd.weight", "blk.1.ffn_gate_up_exps.weight", "blk.1.attn_output.weight")]
    public async Task Lattice_IsFoundAndKept(string golden, params string[] names)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        foreach (var (name, tensor) in checkpoint.Tensors.ToList())
        {
            if (tensor.Shape.Length < 2 || tensor.Shape[^1] % 32 != 0)
                continue;
            var data = new byte[tensor.Data.Length];
            for (var i = 0; i < data.Length / 2; i++)
            {
                // Codes from -7 to 7 with a scale for each group of 32.
                var weight = ((i * 2654435761L % 15) - 7) * (1f + (i / 32 % 5 / 8f)) / 64;
                BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(i * 2), (ushort)(BitConverter.SingleToUInt32Bits(weight) >> 16));
            }
            checkpoint.Tensors[name] = tensor with { Data = data };
        }
        var plan = Plan(checkpoint, "Q4_0");
        foreach (var name in names)
        {
            var tensor = plan.Tensors.Single(tensor => tensor.Name == name);
            Assert.True(tensor.Lattice, name);
            Assert.Equal(GgmlType.Q4_0, tensor.Type);
        }
        var result = await ModelConverter.RunAsync(plan);
        Assert.All(result.Tensors.Where(tensor => names.Contains(tensor.Name)), tensor => Assert.Equal(tensor.Weights, tensor.ExactWeights));
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint, string type = "F32")
        => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = type, Overwrite = true });
}
