using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>OLMoE (arXiv 2409.02060): norms over all heads' queries and keys, experts weighed by the softmax over all of them, not normalised.</summary>
internal sealed class ReferenceOlmoe(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    protected override double[] Project(string name, string part, double[] x, int heads)
        => part == "v" ? base.Project(name, part, x, heads) : Norm($"{name}.{part}_norm", base.Project(name, part, x, heads));

    protected override double[] FeedForward(int layer, string name, double[] x)
    {
        var experts = Integer("num_experts");
        var scores = Layers.Softmax(Layers.Linear(Weights.Get($"{name}.mlp.gate.weight", experts, Hidden), x));
        var chosen = Layers.Largest(scores, Integer("num_experts_per_tok"));
        var result = new double[Hidden];
        // All are made, so that they are in the checkpoint.
        for (var expert = 0; expert < experts; expert++)
        {
            var output = Gated($"{name}.mlp.experts.{expert}", Integer("intermediate_size"), x);
            if (chosen.Contains(expert))
                result = Layers.Add(result, Layers.Scale(output, scores[expert]));
        }
        return result;
    }
}
