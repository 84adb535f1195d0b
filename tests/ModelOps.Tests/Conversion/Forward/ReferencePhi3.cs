using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Phi-3 and 4: fused projections, a part of each head turns, its frequencies stretched one by one (LongRoPE, arXiv 2402.13753).</summary>
/// <param name="config">config.json.</param>
/// <param name="weights">Weights.</param>
/// <param name="factors">The key of the stretching factors that the context calls for; null for none.</param>
internal sealed class ReferencePhi3(JsonObject config, ReferenceWeights weights, string? factors) : ReferenceDecoder(config, weights)
{
    protected override double[] Project(string name, string part, double[] x, int heads)
    {
        var (query, keyValue) = (Heads * HeadLength, KeyValueHeads * HeadLength);
        var all = Layers.Linear(Weights.Get($"{name}.qkv_proj.weight", query + (2 * keyValue), Hidden), x);
        return part switch { "q" => all[..query], "k" => all[query..(query + keyValue)], _ => all[(query + keyValue)..] };
    }

    protected override double[] Gated(string name, int width, double[] x)
    {
        var both = Weights.Get($"{name}.gate_up_proj.weight", 2 * width, x.Length);
        return Layers.Gated(both[..(both.Length / 2)], both[(both.Length / 2)..], Weights.Get($"{name}.down_proj.weight", x.Length, width), x, Layers.Silu);
    }

    protected override double[] Rotate(double[] head, int position)
    {
        var rotated = (int)(HeadLength * Number("partial_rotary_factor"));
        if (factors is null)
            return Layers.Rotate(head, position, Theta, rotated, neighbours: false);
        var list = Config["rope_scaling"]![factors]!.AsArray();
        var turned = Layers.Rotate(head, position, Theta, rotated, neighbours: false, pair => Math.Pow(Theta, -2.0 * pair / rotated) / list[pair]!.GetValue<double>());
        // Sines and cosines grow with how far the context is stretched.
        var original = Number("original_max_position_embeddings");
        var size = Math.Sqrt(1 + (Math.Log(Number("max_position_embeddings") / original) / Math.Log(original)));
        return [.. Layers.Scale(turned[..rotated], size), .. turned[rotated..]];
    }
}
