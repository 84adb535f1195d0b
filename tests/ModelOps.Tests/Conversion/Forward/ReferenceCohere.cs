using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Command R: attention and feed-forward side by side of one layer norm, neighbours turn together, R+ normalises queries and keys.</summary>
internal sealed class ReferenceCohere(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    protected override (double Embedding, double Residual, double Logits) Scales => (1, 1, Number("logit_scale"));

    protected override double[][] Layer(int layer, string name, double[][] stream)
    {
        var normal = Array.ConvertAll(stream, x => Norm($"{name}.input_layernorm", x));
        var attended = Mix(layer, name, normal);
        return [.. stream.Select((x, token) => Layers.Add(x, Layers.Add(attended[token], FeedForward(layer, name, normal[token]))))];
    }

    protected override double[] Project(string name, string part, double[] x, int heads)
    {
        var projected = base.Project(name, part, x, heads);
        if (part == "v" || !Flag("use_qk_norm"))
            return projected;
        var norms = Weights.Get($"{name}.{part}_norm.weight", heads, HeadLength);
        return [.. Enumerable.Range(0, heads).SelectMany(head => Layers.LayerNorm(Layers.Head(projected, head, HeadLength), Layers.Head(norms, head, HeadLength), null, Number("layer_norm_eps")))];
    }

    protected override double[] Rotate(double[] head, int position) => Layers.Rotate(head, position, Theta, HeadLength, neighbours: true);

    protected override double[] Norm(string name, double[] x) => Layers.LayerNorm(x, Weights.Get($"{name}.weight", x.Length), null, Number("layer_norm_eps"));
}
