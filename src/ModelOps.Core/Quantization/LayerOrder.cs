using System.Globalization;

namespace ModelOps.Quantization;

/// <summary>
/// The order that llama.cpp writes tensors in when it rewrites a file: what belongs to no layer, then layer by layer, by name
/// (weight_name_comparer of src/llama-model-loader.h).
/// </summary>
internal sealed class LayerOrder : IComparer<string>
{
    public static LayerOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        var order = Layer(x!).CompareTo(Layer(y!));
        return order != 0 ? order : string.CompareOrdinal(x, y);
    }

    private static int Layer(string name)
    {
        if (!name.StartsWith("blk.", StringComparison.Ordinal))
            return -1;
        var digits = name.AsSpan(4);
        var end = digits.IndexOfAnyExceptInRange('0', '9');
        return int.TryParse(end < 0 ? digits : digits[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : -1;
    }
}
