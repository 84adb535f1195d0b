namespace ModelOps.Quantization;

/// <summary>
/// The types that <see cref="RecipeOverrides"/> names for tensors that are quantised, in llama-quantize's order: the table of embeddings, the
/// output matrix, the first pattern that is found. For a recipe of numbers (F32, F16, BF16), where llama-quantize takes patterns and does nothing
/// with them, they hold as well.
/// </summary>
internal sealed class AskedTypes
{
    private readonly RecipeOverrides _overrides;
    private readonly Func<string, bool>[] _patterns;
    private readonly bool _outputIsEmbedding;

    /// <param name="recipe">The recipe.</param>
    /// <param name="overrides">What is different from it.</param>
    /// <param name="names">Names of all tensors.</param>
    public AskedTypes(Recipe recipe, RecipeOverrides overrides, IReadOnlyCollection<string> names)
    {
        _overrides = overrides;
        _patterns = [.. overrides.TensorTypes.Select(tensor => tensor.Compile())];
        // llama-quantize sees that the embedding is the output matrix only where it mixes.
        _outputIsEmbedding = !names.Contains("output.weight") && (!overrides.Pure || recipe.BaseType.BlockLength() == 1);
    }

    /// <summary>The type for a tensor; null where it is left to the recipe.</summary>
    public (GgmlType Type, TypeSource Source, int Pattern)? Find(string name)
    {
        var role = TensorRoles.Of(name);
        if (role == TensorRole.Embedding && _overrides.EmbeddingType is { } embedding)
            return (embedding, TypeSource.EmbeddingType, -1);
        if (role == TensorRole.Output && _overrides.OutputType is { } output)
            return (output, TypeSource.OutputType, -1);
        if (Array.FindIndex(_patterns, pattern => pattern(name)) is >= 0 and var found)
            return (_overrides.TensorTypes[found].Type, TypeSource.Pattern, found);
        return role == TensorRole.Embedding && _outputIsEmbedding && _overrides.OutputType is { } tied ? (tied, TypeSource.OutputType, -1) : null;
    }
}
