using System.Globalization;

namespace ModelOps.Quantization;

/// <summary>
/// What rounding a tensor is taken to cost where nobody has measured it: by its role, and whether it is in the first layers. The numbers are the
/// geometric means of what was measured on the three demo models (docs/benchmarks.md), rounded; an embedding that is not the output too is a guess. They
/// say what llama.cpp's recipes say in words: the output above all, then values and the last matrices of the layers. Only their ratios matter.
/// </summary>
internal static class AssumedGains
{
    private const double InFirstLayers = 2;

    /// <summary>The gain of a tensor, in the unit of <see cref="TensorSensitivity.Gain"/>.</summary>
    /// <param name="name">Name in the GGUF.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="isTied">Whether the embedding is the output too.</param>
    public static double Of(string name, long layers, bool isTied) => OfRole(name, isTied) * (IsFirst(name, layers) ? InFirstLayers : 1);

    private static double OfRole(string name, bool isTied) => TensorRoles.Of(name) switch
    {
        TensorRole.Output => 0.34,
        TensorRole.Embedding => isTied && name == "token_embd.weight" ? 0.34 : 0.02,
        TensorRole.FeedForwardOut => 0.012,
        TensorRole.FeedForwardGate => 0.010,
        TensorRole.FeedForwardIn => 0.006,
        TensorRole.Value => 0.010,
        TensorRole.AttentionOutput => 0.007,
        TensorRole.Key => 0.0036,
        TensorRole.Query => 0.0027,
        _ => 0.006,
    };

    private static bool IsFirst(string name, long layers)
    {
        if (!name.StartsWith("blk.", StringComparison.Ordinal))
            return false;
        var digits = name.AsSpan(4);
        var end = digits.IndexOfAnyExceptInRange('0', '9');
        return long.TryParse(end < 0 ? digits : digits[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && layer < Math.Max(1, layers / 8);
    }
}
