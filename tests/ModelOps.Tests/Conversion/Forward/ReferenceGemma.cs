using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>Gemma (arXiv 2403.08295): norms stored minus one, gates with the tanh's GELU, the embedding times the root of the width and as head.</summary>
internal sealed class ReferenceGemma(JsonObject config, ReferenceWeights weights) : ReferenceDecoder(config, weights)
{
    protected override (double Embedding, double Residual, double Logits) Scales => (Math.Sqrt(Hidden), 1, 1);

    protected override double[] Norm(string name, double[] x)
        => Layers.RmsNorm(x, Array.ConvertAll(Weights.GetVector($"{name}.weight", x.Length, 0, 0.3), weight => 1 + weight), Number("rms_norm_eps"));

    protected override double[] Gated(string name, int width, double[] x) => Layers.Gated(
        Weights.Get($"{name}.gate_proj.weight", width, x.Length), Weights.Get($"{name}.up_proj.weight", width, x.Length), Weights.Get($"{name}.down_proj.weight", x.Length, width), x, Layers.Gelu);
}
