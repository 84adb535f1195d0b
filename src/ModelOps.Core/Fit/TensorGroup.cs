using System.Globalization;

namespace ModelOps;

/// <summary>Tensors of one kind and size: all that overrides by name, and recipes, need to know, in a few dozen entries for a model of a thousand tensors.</summary>
/// <param name="Name">Name, with <c>*</c> in place of the layer's number: <c>blk.*.attn_q.weight</c>, or <c>output.weight</c>.</param>
/// <param name="Bytes">Bytes of each.</param>
/// <param name="Layers">The layers that have one; empty for a tensor outside of the layers.</param>
public sealed record TensorGroup(string Name, long Bytes, IReadOnlyList<int> Layers)
{
    /// <summary>Storage type.</summary>
    public GgmlType Type { get; init; }

    /// <summary>Dimensions of each in ggml's order, row length first; empty when they are not known.</summary>
    public IReadOnlyList<long> Shape { get; init; } = [];

    /// <summary>Name of a layer's tensor.</summary>
    internal string NameIn(int layer) => Name.Replace("*", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
