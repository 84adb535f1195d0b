using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Ministral 3: YaRN, and queries that grow with the logarithm of how often the trained context has gone by.</summary>
internal sealed class ReferenceMinistral(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    private JsonObject Rope => Config["rope_parameters"]!.AsObject();

    protected override double QueryScale(int position)
        => 1 + (Rope["llama_4_scaling_beta"]!.GetValue<double>() * Math.Log(1 + Math.Floor(position / Rope["original_max_position_embeddings"]!.GetValue<double>())));

    protected override double[] Rotate(double[] head, int position)
    {
        var theta = Rope["rope_theta"]!.GetValue<double>();
        // Sines and cosines grow with the factor, unless mscale and mscale_all_dim are the same.
        var size = Rope["mscale_all_dim"] is null ? 1 + (0.1 * Math.Log(Rope["factor"]!.GetValue<double>())) : 1;
        return Layers.Scale(Layers.Rotate(head, position, theta, HeadLength, neighbours: false, pair => Yarn.Frequency(pair, theta, HeadLength, Rope)), size);
    }
}
