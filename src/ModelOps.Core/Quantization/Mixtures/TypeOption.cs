namespace ModelOps.Quantization;

/// <summary>A type that a tensor can have in a mixture.</summary>
/// <param name="Type">The type.</param>
/// <param name="Bytes">What the tensor takes in the file as this type.</param>
/// <param name="Loss">What it costs in quality; 0 for nothing. Losses of tensors add up.</param>
internal readonly record struct TypeOption(GgmlType Type, long Bytes, double Loss);

/// <summary>One option for each tensor.</summary>
/// <param name="Options">The chosen one, by its place among the tensor's options.</param>
/// <param name="Bytes">Their bytes together.</param>
/// <param name="Loss">Their losses together.</param>
/// <param name="Bound">No choice within the budget has a smaller loss than this.</param>
internal sealed record TypeSelection(IReadOnlyList<int> Options, long Bytes, double Loss, double Bound);
