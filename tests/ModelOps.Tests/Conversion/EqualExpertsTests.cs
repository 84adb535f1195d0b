using System.Text.Json.Nodes;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>
/// Mixtures whose experts are all the dense network of a golden model compute what that does: the weights of the chosen ones sum to one,
/// whatever the router says. Where there is a shared expert, either gives a half.
/// </summary>
public sealed class EqualExpertsTests : IDisposable
{
    private const int Experts = 6;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    public async Task NemotronH_AsAMixture(int latent)
    {
        var checkpoint = Change("nemotron-h", $$"""
            {"hybrid_override_pattern": "ME*E", "n_routed_experts": {{Experts}}, "num_experts_per_tok": 3, "n_shared_experts": 1, "moe_intermediate_size": 48,
             "moe_shared_expert_intermediate_size": 48, "norm_topk_prob": true, "routed_scaling_factor": 0.5, "n_group": 1, "topk_group": 1}
            """);
        if (latent > 0)
            checkpoint.Config["moe_latent_size"] = latent;
        foreach (var layer in new[] { 1, 3 })
        {
            var mixer = $"backbone.layers.{layer}.mixer";
            var (up, down) = (Take($"{mixer}.up_proj.weight"), Take($"{mixer}.down_proj.weight"));
            checkpoint.Tensors[$"{mixer}.shared_experts.up_proj.weight"] = up;
            checkpoint.Tensors[$"{mixer}.shared_experts.down_proj.weight"] = Scaled(down, 0.5f);
            if (latent > 0)
            {
                // Into the upper half of a wider space, and back.
                checkpoint.Tensors[$"{mixer}.fc1_latent_proj.weight"] = Selection(latent, 32, transposed: false);
                checkpoint.Tensors[$"{mixer}.fc2_latent_proj.weight"] = Selection(latent, 32, transposed: true);
            }
            for (var expert = 0; expert < Experts; expert++)
            {
                checkpoint.Tensors[$"{mixer}.experts.{expert}.up_proj.weight"] = latent > 0 ? Widened(up, latent) : up;
                checkpoint.Tensors[$"{mixer}.experts.{expert}.down_proj.weight"] = latent > 0 ? Heightened(down, latent) : down;
            }
            AddRouter($"{mixer}.gate.weight", $"{mixer}.gate.e_score_correction_bias");
        }
        var plan = await RequireSameLogits("nemotron-h", checkpoint);
        Assert.Equal("nemotron_h_moe", plan.Architecture);
        Assert.Equal([0, 48, 0, 48], plan.Metadata.FindArray<int>("nemotron_h_moe.feed_forward_length")!);
        Assert.Equal(false, plan.Metadata.FindBoolean("nemotron_h_moe.rope.scaling.finetuned"));

        TinyCheckpoint.Tensor Take(string name)
        {
            var tensor = checkpoint.Tensors[name];
            checkpoint.Tensors.Remove(name);
            return tensor;
        }

        void AddRouter(string name, string bias)
        {
            checkpoint.Tensors[name] = Router(checkpoint, "backbone.embeddings.weight");
            checkpoint.Tensors[bias] = new TinyCheckpoint.Tensor("F32", [Experts], new byte[Experts * 4]);
        }
    }

    [Fact]
    public async Task Lfm2_AsAMixture()
    {
        var checkpoint = Change("lfm2", $$"""
            {"architectures": ["Lfm2MoeForCausalLM"], "num_experts": {{Experts}}, "num_experts_per_tok": 2, "num_dense_layers": 1, "norm_topk_prob": true,
             "use_expert_bias": true, "routed_scaling_factor": 1.0}
            """);
        var width = (int)checkpoint.Tensors["model.layers.0.feed_forward.w1.weight"].Shape[0];
        checkpoint.Config["intermediate_size"] = width;
        checkpoint.Config["moe_intermediate_size"] = width;
        checkpoint.Config.Remove("block_ff_dim");
        for (var layer = 1; layer < 4; layer++)
        {
            var network = $"model.layers.{layer}.feed_forward";
            foreach (var name in new[] { "w1", "w2", "w3" })
            {
                for (var expert = 0; expert < Experts; expert++)
                    checkpoint.Tensors[$"{network}.experts.{expert}.{name}.weight"] = checkpoint.Tensors[$"{network}.{name}.weight"];
                checkpoint.Tensors.Remove($"{network}.{name}.weight");
            }
            checkpoint.Tensors[$"{network}.gate.weight"] = Router(checkpoint, "model.embed_tokens.weight");
            checkpoint.Tensors[$"{network}.expert_bias"] = new TinyCheckpoint.Tensor("F32", [Experts], new byte[Experts * 4]);
        }
        var plan = await RequireSameLogits("lfm2", checkpoint);
        Assert.Equal("lfm2moe", plan.Architecture);
        Assert.Equal(1u, plan.Metadata["lfm2moe.leading_dense_block_count"]);
        Assert.Equal((uint)width, plan.Metadata["lfm2moe.feed_forward_length"]);
        checkpoint.Config["routed_scaling_factor"] = 2.0;
        Assert.Contains("routed_scaling_factor", Assert.Throws<ModelOpsException>(() => Plan(checkpoint)).Message);
    }

    [Theory]
    [InlineData("GraniteMoeForCausalLM", false)]
    [InlineData("GraniteMoeSharedForCausalLM", true)]
    public async Task Granite_AsAMixture(string name, bool isShared)
    {
        var checkpoint = Change("granite", $$"""{"architectures": ["{{name}}"], "num_local_experts": {{Experts}}, "num_experts_per_tok": 2, "shared_intermediate_size": {{(isShared ? 48 : 0)}}}""");
        for (var layer = 0; layer < 2; layer++)
        {
            var (dense, sparse) = ($"model.layers.{layer}.mlp", $"model.layers.{layer}.block_sparse_moe");
            var (gate, up, down) = (checkpoint.Tensors[$"{dense}.gate_proj.weight"], checkpoint.Tensors[$"{dense}.up_proj.weight"], checkpoint.Tensors[$"{dense}.down_proj.weight"]);
            foreach (var part in new[] { "gate", "up", "down" })
                checkpoint.Tensors.Remove($"{dense}.{part}_proj.weight");
            if (isShared)
                down = Scaled(down, 0.5f);
            byte[] both = [.. gate.Data, .. up.Data];
            checkpoint.Tensors[$"{sparse}.input_linear.weight"] = new TinyCheckpoint.Tensor("BF16", [Experts, 96, 32], [.. Enumerable.Repeat(both, Experts).SelectMany(data => data)]);
            checkpoint.Tensors[$"{sparse}.output_linear.weight"] = new TinyCheckpoint.Tensor("BF16", [Experts, 32, 48], [.. Enumerable.Repeat(down.Data, Experts).SelectMany(data => data)]);
            checkpoint.Tensors[$"{sparse}.router.layer.weight"] = Router(checkpoint, "model.embed_tokens.weight");
            if (!isShared)
                continue;
            checkpoint.Tensors[$"model.layers.{layer}.shared_mlp.input_linear.weight"] = new TinyCheckpoint.Tensor("BF16", [96, 32], both);
            checkpoint.Tensors[$"model.layers.{layer}.shared_mlp.output_linear.weight"] = down;
        }
        var plan = await RequireSameLogits("granite", checkpoint);
        Assert.Equal("granitemoe", plan.Architecture);
        Assert.Equal(isShared, plan.Metadata.ContainsKey("granitemoe.expert_shared_feed_forward_length"));
    }

    private static TinyCheckpoint Change(string golden, string change)
    {
        var checkpoint = TinyCheckpoint.Of(golden);
        foreach (var (key, value) in JsonNode.Parse(change)!.AsObject())
            checkpoint.Config[key] = value?.DeepClone();
        return checkpoint;
    }

    private static TinyCheckpoint.Tensor Router(TinyCheckpoint checkpoint, string weights)
        => new("BF16", [Experts, 32], checkpoint.Tensors[weights].Data.AsSpan(0, Experts * 32 * 2).ToArray());

    /// <summary>A power of two times the weights: BF16 holds them exactly.</summary>
    private static TinyCheckpoint.Tensor Scaled(TinyCheckpoint.Tensor tensor, float factor)
        => tensor with { Data = [.. Weights(tensor).SelectMany(weight => Bytes(weight * factor))] };

    private static TinyCheckpoint.Tensor Selection(int latent, int hidden, bool transposed)
    {
        var (rows, columns) = transposed ? (hidden, latent) : (latent, hidden);
        return new("BF16", [rows, columns], [.. Enumerable.Range(0, rows * columns).SelectMany(i => Bytes(i / columns == i % columns ? 1f : 0f))]);
    }

    /// <summary>[rows, columns] to [rows, width], zero beyond.</summary>
    private static TinyCheckpoint.Tensor Widened(TinyCheckpoint.Tensor tensor, int width)
        => new("BF16", [tensor.Shape[0], width], [.. Weights(tensor).Chunk((int)tensor.Shape[1]).SelectMany(row => row.Concat(Enumerable.Repeat(0f, width - row.Length))).SelectMany(Bytes)]);

    private static TinyCheckpoint.Tensor Heightened(TinyCheckpoint.Tensor tensor, int height)
        => new("BF16", [height, tensor.Shape[1]], [.. tensor.Data, .. new byte[(height - tensor.Shape[0]) * tensor.Shape[1] * 2]]);

    private static IEnumerable<float> Weights(TinyCheckpoint.Tensor tensor)
        => Enumerable.Range(0, tensor.Data.Length / 2).Select(i => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(tensor.Data, i * 2) << 16));

    private static byte[] Bytes(float weight) => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(weight) >> 16));

    private async Task<ConversionPlan> RequireSameLogits(string golden, TinyCheckpoint checkpoint)
    {
        var plan = Plan(checkpoint);
        await ModelConverter.RunAsync(plan);
        await EngineLogits.RequireAsync(plan.Output, GoldenLogits.Read(golden, "f32"));
        return plan;
    }

    private ConversionPlan Plan(TinyCheckpoint checkpoint) => ConversionPlan.Create(checkpoint.Save(_folder), _folder.File("model.gguf"), new ConversionOptions { Type = "F32", Overwrite = true });
}
