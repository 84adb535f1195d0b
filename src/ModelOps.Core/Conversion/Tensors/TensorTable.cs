using System.Collections;

namespace ModelOps.Conversion;

/// <summary>What becomes of one tensor of the checkpoint.</summary>
/// <param name="Source">Name in the checkpoint, without a multimodal prefix.</param>
/// <param name="Target">Name in the GGUF.</param>
/// <param name="Shape">Dimensions that config.json implies, [out, in].</param>
/// <param name="Order">Order of the rows; null keeps it.</param>
/// <param name="Shift">Added to every weight.</param>
/// <param name="Optional">Whether a checkpoint may do without it.</param>
/// <param name="Rows">How many rows to keep; null keeps all, and then the shape must agree exactly.</param>
internal sealed record TensorRule(string Source, string Target, IReadOnlyList<long> Shape, RowOrder? Order, float Shift, bool Optional, long? Rows);

/// <summary>
/// The tensor-name map of an architecture: written once per kind of tensor, with <c>*</c> for the layer, and expanded for all layers.
/// </summary>
internal sealed class TensorTable(long layers) : IEnumerable<TensorRule>
{
    private readonly Dictionary<string, TensorRule> _rules = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor, or one for each layer when the names hold a <c>*</c>.</summary>
    public void Add(string source, string target, long[] shape, RowOrder? order = null, float shift = 0, bool optional = false, long? rows = null)
    {
        if (!source.Contains('*', StringComparison.Ordinal))
        {
            _rules.Add(source, new TensorRule(source, target, shape, order, shift, optional, rows));
            return;
        }
        for (var layer = 0L; layer < layers; layer++)
        {
            var name = source.Replace("*", layer.ToString(), StringComparison.Ordinal);
            _rules.Add(name, new TensorRule(name, target.Replace("*", layer.ToString(), StringComparison.Ordinal), shape, order, shift, optional, rows));
        }
    }

    /// <summary>The rule for a tensor of the checkpoint; null when the architecture does not know it.</summary>
    public TensorRule? Find(string source) => _rules.GetValueOrDefault(source);

    public IEnumerator<TensorRule> GetEnumerator() => _rules.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
