namespace ModelOps.Quantization;

/// <summary>A tensor that a recipe chooses a type for.</summary>
/// <param name="Name">Name in the GGUF, such as <c>blk.0.ffn_down.weight</c>.</param>
/// <param name="Shape">Dimensions in ggml's order, row length first.</param>
/// <param name="Current">The type that it has in a GGUF file; null for a checkpoint's.</param>
internal readonly record struct MixedTensor(string Name, IReadOnlyList<long> Shape, GgmlType? Current = null);
