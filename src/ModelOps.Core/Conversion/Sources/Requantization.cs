using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>What becomes of weights that are quantised already and are to have another type.</summary>
internal static class Requantization
{
    /// <summary>Tells of tensors that lose a second time; refuses those that cannot be decoded.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.UnsupportedType"/> with the tensors' names.</exception>
    public static IEnumerable<string> Warnings(ModelContents contents, IEnumerable<GgmlType> types)
    {
        if (contents.Rules != TypeRules.Quantizer)
            yield break;
        var changed = contents.Tensors.Zip(types).Where(pair => pair.First.Tensor.NativeType != pair.Second)
            .Select(pair => (pair.First.Name, From: pair.First.Tensor.NativeType!.Value, To: pair.Second)).ToList();
        foreach (var unread in changed.Where(tensor => !TensorQuantizer.Types.Contains(tensor.From)).GroupBy(tensor => tensor.From, tensor => tensor.Name))
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedType,
                $"Weights stored as {unread.Key} cannot be decoded: {NameList.Format([.. unread])}.",
                $"Requantise a file of another type ({string.Join(", ", TensorQuantizer.Types)}), or convert the original checkpoint.");
        }
        // F32 holds what any block decodes to.
        var lossy = changed.Where(tensor => tensor.From.BlockLength() > 1 && tensor.To != GgmlType.F32).ToList();
        if (lossy.Count > 0)
        {
            var kinds = string.Join(", ", lossy.GroupBy(tensor => tensor.From).OrderByDescending(group => group.Count()).Select(group => $"{group.Count()} {group.Key}"));
            yield return $"{lossy.Count} of {contents.Tensors.Count} tensors are quantised already ({kinds}) and lose quality once more. Convert the original or a BF16 file where you can.";
        }
    }
}
