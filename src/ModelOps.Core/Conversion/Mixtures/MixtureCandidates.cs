using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>The types that a tensor of a mixture may have.</summary>
internal static class MixtureCandidates
{
    /// <summary>
    /// What recipes mix. Ternary and one-bit types and those with scales in FP8 are for weights that were trained for them, which the lattice and the
    /// source's own type bring in.
    /// </summary>
    private static readonly GgmlType[] Usual =
    [
        GgmlType.IQ1_S, GgmlType.IQ1_M, GgmlType.IQ2_XXS, GgmlType.IQ2_XS, GgmlType.IQ2_S, GgmlType.Q2_K, GgmlType.IQ3_XXS, GgmlType.IQ3_S, GgmlType.Q3_K,
        GgmlType.IQ4_XS, GgmlType.IQ4_NL, GgmlType.Q4_0, GgmlType.Q4_K, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_K, GgmlType.Q5_1, GgmlType.Q6_K, GgmlType.Q8_0,
        GgmlType.F16, GgmlType.BF16,
    ];

    /// <summary>The candidates: of whole blocks, so that nothing falls back to another type.</summary>
    /// <param name="recipe">The recipe that the mixture is made of.</param>
    /// <param name="source">The tensor.</param>
    /// <param name="hasImportance">Whether an importance matrix has numbers for it.</param>
    public static List<GgmlType> Of(Recipe recipe, NamedSource source, bool hasImportance)
    {
        var tensor = source.Tensor;
        List<GgmlType> types = [.. Usual.Where(type => tensor.RowLength % type.BlockLength() == 0 && TensorQuantizer.Types.Contains(type) && (hasImportance || !ImportanceNeed.Of(recipe, source.Name, type)))];
        if (tensor.NativeType is { } native && native != GgmlType.F32 && !types.Contains(native) && TensorQuantizer.Types.Contains(native))
            types.Add(native);
        return types;
    }
}
