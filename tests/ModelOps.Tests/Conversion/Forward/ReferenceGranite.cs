using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Granite 4: Mamba 2 or attention by layer, four multipliers, experts (the best by their logits, weighed by the softmax of these) beside a shared network.</summary>
internal sealed class ReferenceGranite(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    protected override (double Embedding, double Residual, double Logits) Scales => (Number("embedding_multiplier"), Number("residual_multiplier"), 1 / Number("logits_scaling"));

    protected override double AttentionScale => Number("attention_multiplier");

    protected override double[][] Mix(int layer, string name, double[][] stream) => Config["layer_types"]![layer]!.GetValue<string>() == "mamba"
        ? new ReferenceMamba2(Weights)
        {
            Heads = Integer("mamba_n_heads"),
            Inner = 2 * Hidden,
            State = Integer("mamba_d_state"),
            Kernel = Integer("mamba_d_conv"),
            Epsilon = Number("rms_norm_eps"),
        }.Run($"{name}.mamba", stream)
        : Attention($"{name}.self_attn", stream);

    protected override double[] Rotate(double[] head, int position) => Config["position_embedding_type"]?.GetValue<string>() == "rope" ? base.Rotate(head, position) : head;

    protected override double[] FeedForward(int layer, string name, double[] x)
    {
        var width = Integer("shared_intermediate_size");
        var shared = Network(Weights.Get($"{name}.shared_mlp.input_linear.weight", 2 * width, Hidden), Weights.Get($"{name}.shared_mlp.output_linear.weight", Hidden, width), x);
        var (experts, own) = (Integer("num_local_experts"), Integer("intermediate_size"));
        if (experts == 0)
            return shared;
        var logits = Layers.Linear(Weights.Get($"{name}.block_sparse_moe.router.layer.weight", experts, Hidden), x);
        var (inputs, outputs) = (Weights.Get($"{name}.block_sparse_moe.input_linear.weight", experts, 2 * own, Hidden), Weights.Get($"{name}.block_sparse_moe.output_linear.weight", experts, Hidden, own));
        var chosen = Layers.Largest(logits, Integer("num_experts_per_tok"));
        foreach (var (expert, weight) in chosen.Zip(Layers.Softmax(Array.ConvertAll(chosen, expert => logits[expert]))))
            shared = Layers.Add(shared, Layers.Scale(Network(Layers.Head(inputs, expert, 2 * own * Hidden), Layers.Head(outputs, expert, own * Hidden), x), weight));
        return shared;
    }

    /// <summary>A gated network with the gate's matrix above the other.</summary>
    private static double[] Network(double[] input, double[] output, double[] x)
        => Layers.Gated(input[..(input.Length / 2)], input[(input.Length / 2)..], output, x, Layers.Silu);
}
