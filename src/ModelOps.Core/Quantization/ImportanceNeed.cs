namespace ModelOps.Quantization;

/// <summary>Which tensors are rounded by an importance matrix or not at all (tensor_requires_imatrix of src/llama-quant.cpp): with so few bits they are garbage without.</summary>
internal static class ImportanceNeed
{
    /// <summary>Whether a tensor that is to become a type needs one.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="name">The tensor's name in the GGUF.</param>
    /// <param name="type">Its type, after any fallback.</param>
    public static bool Of(Recipe recipe, string name, GgmlType type) => type switch
    {
        _ when TensorQuantizer.RequiresImportance(type) => true,
        // None has numbers for these.
        _ when TensorRoles.Of(name) is TensorRole.Embedding or TensorRole.Output => false,
        GgmlType.IQ1_M or GgmlType.IQ2_S or GgmlType.IQ3_XXS => true,
        // The K types do without, but for this recipe.
        GgmlType.Q2_K => recipe.Name == "Q2_K_S",
        _ => false,
    };
}
