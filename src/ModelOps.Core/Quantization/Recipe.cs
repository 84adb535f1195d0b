namespace ModelOps;

/// <summary>
/// Which tensor gets which type: llama.cpp's file types ("ftype"), by their names. <c>F32</c>, <c>F16</c>, <c>BF16</c> and <c>Q8_0</c>
/// follow <c>convert_hf_to_gguf.py --outtype</c>, the others follow <c>llama-quantize</c>, with an importance matrix or without: most mix types, with
/// more bits for what suffers most.
/// </summary>
/// <param name="Name">Name such as <c>Q4_K_M</c>, <c>Q8_0</c>, <c>BF16</c>.</param>
/// <param name="BaseType">The type of ordinary matrices.</param>
/// <param name="FileType">llama.cpp's <c>general.file_type</c> number (LLAMA_FTYPE).</param>
public sealed record Recipe(string Name, GgmlType BaseType, int FileType)
{
    /// <summary>Every recipe that can be written, for completers and help.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        new("F32", GgmlType.F32, 0),
        new("F16", GgmlType.F16, 1),
        new("BF16", GgmlType.BF16, 32),
        new("Q8_0", GgmlType.Q8_0, 7),
        new("Q6_K", GgmlType.Q6_K, 18),
        new("Q5_K_M", GgmlType.Q5_K, 17),
        new("Q5_K_S", GgmlType.Q5_K, 16),
        new("Q5_1", GgmlType.Q5_1, 9),
        new("Q5_0", GgmlType.Q5_0, 8),
        new("Q4_K_M", GgmlType.Q4_K, 15),
        new("Q4_K_S", GgmlType.Q4_K, 14),
        new("Q4_1", GgmlType.Q4_1, 3),
        new("Q4_0", GgmlType.Q4_0, 2),
        new("IQ4_NL", GgmlType.IQ4_NL, 25),
        new("IQ4_XS", GgmlType.IQ4_XS, 30),
        new("MXFP4_MOE", GgmlType.MXFP4, 38),
        new("Q3_K_L", GgmlType.Q3_K, 13),
        new("Q3_K_M", GgmlType.Q3_K, 12),
        new("Q3_K_S", GgmlType.Q3_K, 11),
        new("IQ3_M", GgmlType.IQ3_S, 27),
        new("IQ3_S", GgmlType.IQ3_S, 26),
        new("IQ3_XS", GgmlType.IQ3_S, 22),
        new("IQ3_XXS", GgmlType.IQ3_XXS, 23),
        new("Q2_K", GgmlType.Q2_K, 10),
        new("Q2_K_S", GgmlType.Q2_K, 21),
        new("IQ2_M", GgmlType.IQ2_S, 29),
        // llama.cpp names it so, and takes the smaller type.
        new("IQ2_S", GgmlType.IQ2_XS, 28),
        new("IQ2_XS", GgmlType.IQ2_XS, 20),
        new("IQ2_XXS", GgmlType.IQ2_XXS, 19),
        new("Q2_0", GgmlType.Q2_0, 41),
        new("TQ2_0", GgmlType.TQ2_0, 37),
        new("TQ1_0", GgmlType.TQ1_0, 36),
        new("IQ1_M", GgmlType.IQ1_M, 31),
        new("IQ1_S", GgmlType.IQ1_S, 24),
        new("Q1_0", GgmlType.Q1_0, 40),
    ];

    /// <summary>Finds a recipe by name, ignoring case; <see cref="ErrorKind.InvalidArgument"/> lists the names when there is none.</summary>
    public static Recipe Parse(string name) => All.FirstOrDefault(recipe => recipe.Name.Equals(name?.Trim(), StringComparison.OrdinalIgnoreCase))
        ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no type '{name}' to convert to.", $"Choose one of {string.Join(", ", All.Select(recipe => recipe.Name))}.");
}
