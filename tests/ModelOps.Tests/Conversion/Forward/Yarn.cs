using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>YaRN (arXiv 2309.00071): frequencies that turn often are kept, those that turn rarely divided by the factor, with a ramp between.</summary>
internal static class Yarn
{
    /// <summary>The frequency of a pair of dimensions.</summary>
    public static double Frequency(int pair, double theta, int rotated, JsonObject yarn)
    {
        var (factor, context) = (yarn["factor"]!.GetValue<double>(), yarn["original_max_position_embeddings"]!.GetValue<double>());
        var low = Math.Max(0, Math.Floor(Dimension(yarn["beta_fast"]!.GetValue<double>())));
        var high = Math.Min(rotated - 1, Math.Ceiling(Dimension(yarn["beta_slow"]!.GetValue<double>())));
        var kept = 1 - Math.Clamp((pair - low) / Math.Max(0.001, high - low), 0, 1);
        var frequency = Math.Pow(theta, -2.0 * pair / rotated);
        return (frequency * kept) + (frequency / factor * (1 - kept));

        double Dimension(double turns) => rotated * Math.Log(context / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }
}
