namespace ModelOps.Formats;

/// <summary>A tensor to be written: what the header says of it.</summary>
/// <param name="Name">Name, at most 63 bytes of UTF-8.</param>
/// <param name="Type">Storage type.</param>
/// <param name="Shape">Dimensions in ggml's order, row length first.</param>
internal sealed record GgufTensorSpec(string Name, GgmlType Type, IReadOnlyList<long> Shape);
