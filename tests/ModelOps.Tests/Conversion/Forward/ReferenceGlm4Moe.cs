using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>GLM-4.5 (arXiv 2508.06471): the first half of each head turns, biases and norms of queries and keys, experts as DeepSeek V3 chooses and weighs them.</summary>
internal sealed class ReferenceGlm4Moe(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    protected override double[] Project(string name, string part, double[] x, int heads)
    {
        var projected = base.Project(name, part, x, heads);
        if (Flag("attention_bias"))
            projected = Layers.Add(projected, Weights.GetVector($"{name}.{part}_proj.bias", projected.Length, 0, 0.3));
        return part == "v" || !Flag("use_qk_norm")
            ? projected
            : [.. Enumerable.Range(0, heads).SelectMany(head => Norm($"{name}.{part}_norm", Layers.Head(projected, head, HeadLength)))];
    }

    protected override double[] Rotate(double[] head, int position) => Layers.Rotate(head, position, Theta, (int)(HeadLength * Number("partial_rotary_factor")), neighbours: false);

    protected override double[] FeedForward(int layer, string name, double[] x)
    {
        if (layer < Integer("first_k_dense_replace"))
            return base.FeedForward(layer, name, x);
        var (experts, width) = (Integer("n_routed_experts"), Integer("moe_intermediate_size"));
        var scores = Array.ConvertAll(Layers.Linear(Weights.Get($"{name}.mlp.gate.weight", experts, Hidden), x), Layers.Sigmoid);
        var chosen = Layers.Largest(Layers.Add(scores, Weights.GetVector($"{name}.mlp.gate.e_score_correction_bias", experts, 0, 0.5)), Integer("num_experts_per_tok"));
        var total = Flag("norm_topk_prob") ? chosen.Sum(expert => scores[expert]) : 1;
        var result = Gated($"{name}.mlp.shared_experts", width * Integer("n_shared_experts"), x);
        // All are made, so that they are in the checkpoint.
        for (var expert = 0; expert < experts; expert++)
        {
            var output = Gated($"{name}.mlp.experts.{expert}", width, x);
            if (chosen.Contains(expert))
                result = Layers.Add(result, Layers.Scale(output, scores[expert] / total * Number("routed_scaling_factor")));
        }
        return result;
    }
}
