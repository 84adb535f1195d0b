namespace ModelOps.Quantization;

/// <summary>What decided the type of a tensor.</summary>
internal enum TypeSource
{
    Recipe,
    Pattern,
    OutputType,
    EmbeddingType,
}

/// <summary>The type of a tensor.</summary>
/// <param name="Type">The type that it gets.</param>
/// <param name="Wanted">The type that was wanted, which its rows may not be whole blocks of.</param>
/// <param name="Source">Who wanted it.</param>
/// <param name="Pattern">Which of <see cref="RecipeOverrides.TensorTypes"/>, when it was one.</param>
internal readonly record struct TensorChoice(GgmlType Type, GgmlType Wanted, TypeSource Source = TypeSource.Recipe, int Pattern = -1)
{
    /// <summary>Whether somebody named the type for this tensor.</summary>
    public bool IsAskedFor => Source != TypeSource.Recipe;

    /// <summary>The choice of a type for rows of a length.</summary>
    public static TensorChoice Of(GgmlType wanted, long rowLength, TypeSource source = TypeSource.Recipe, int pattern = -1) => new(TypeFallback.Of(wanted, rowLength), wanted, source, pattern);
}
