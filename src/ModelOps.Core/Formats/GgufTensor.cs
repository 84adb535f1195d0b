namespace ModelOps;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Name, unique in the file, such as <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Shape">Dimensions in ggml's order: <c>Shape[0]</c> is the row length (a linear weight is [in, out]).</param>
/// <param name="Offset">Position of the first byte, from the start of the file.</param>
/// <param name="Bytes">Bytes of the data, without padding.</param>
public sealed record GgufTensor(string Name, GgmlType Type, IReadOnlyList<long> Shape, long Offset, long Bytes)
{
    /// <summary>Number of weights.</summary>
    public long Weights => Shape.Aggregate(1L, (product, length) => product * length);
}
