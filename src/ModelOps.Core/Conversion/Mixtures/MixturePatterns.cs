using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>Says a mixture as a recipe says it: few patterns, each for the layers in which a matrix has the same type.</summary>
internal static partial class MixturePatterns
{
    /// <summary>The patterns; each tensor is found by its own and by no other.</summary>
    public static List<TensorTypeOverride> Of(IEnumerable<(string Name, GgmlType Type)> tensors)
        => [.. tensors.Select(tensor => (Match: LayerName().Match(tensor.Name), tensor.Name, tensor.Type))
            .GroupBy(tensor => (Matrix: tensor.Match.Success ? tensor.Match.Groups[2].Value : tensor.Name, InLayers: tensor.Match.Success, tensor.Type))
            .Select(group => new TensorTypeOverride(group.Key.InLayers ? $@"^blk\.{Layers(group.Select(tensor => tensor.Match.Groups[1].Value))}\.{Regex.Escape(group.Key.Matrix)}$" : $"^{Regex.Escape(group.Key.Matrix)}$", group.Key.Type))];

    private static string Layers(IEnumerable<string> layers)
    {
        List<string> sorted = [.. layers.OrderBy(layer => int.Parse(layer, CultureInfo.InvariantCulture))];
        return sorted.Count == 1 ? sorted[0] : $"({string.Join('|', sorted)})";
    }

    [GeneratedRegex(@"\Ablk\.([0-9]{1,6})\.(.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex LayerName();
}
