using System.Globalization;

namespace ModelOps.Conversion;

/// <summary>Number of weights for people, such as <c>7B</c> or <c>0.1M</c> (gguf-py's model_weight_count_rounded_notation).</summary>
internal static class SizeLabel
{
    /// <summary>
    /// That of a model by its tensors; for a mixture of experts the number of experts and the weights of a model with one of them, such as
    /// <c>8x7B</c>.
    /// </summary>
    public static string Format(IReadOnlyCollection<NamedSource> tensors)
    {
        var stacks = tensors.Where(tensor => tensor.Name.Contains("_exps.", StringComparison.Ordinal) && tensor.Tensor.Shape.Count >= 3).ToList();
        var all = tensors.Sum(tensor => tensor.Tensor.Weights);
        if (stacks.Count == 0)
            return Format(all);
        var oneExpert = stacks.Sum(stack => stack.Tensor.Weights / stack.Tensor.Shape[2]);
        return $"{stacks.Sum(stack => stack.Tensor.Shape[2]) / stacks.Count}x{Format(all - stacks.Sum(stack => stack.Tensor.Weights) + oneExpert)}";
    }

    public static string Format(long weights)
    {
        var (scale, suffix) = weights switch
        {
            > 1_000_000_000_000 => (1e-12, "T"),
            > 1_000_000_000 => (1e-9, "B"),
            > 1_000_000 => (1e-6, "M"),
            _ => (1e-3, "K"),
        };
        // Python rounds the exact value of the double, ties to even; .NET prints its digits exactly, so a decimal of them can do the same.
        var scaled = decimal.Parse((weights * scale).ToString("F20", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        var whole = decimal.Round(scaled, 0, MidpointRounding.ToEven);
        var digits = whole == 0 ? 0 : whole.ToString("F0", CultureInfo.InvariantCulture).Length;
        var fraction = Math.Max(2 - digits, 0);
        return decimal.Round(scaled, fraction, MidpointRounding.ToEven).ToString($"F{fraction}", CultureInfo.InvariantCulture) + suffix;
    }
}
