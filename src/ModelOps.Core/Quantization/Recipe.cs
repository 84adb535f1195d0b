using ModelOps.Quantization;

namespace ModelOps;

/// <summary>
/// Which tensor gets which type: llama.cpp's file types ("ftype"), by their names. <c>F32</c>, <c>F16</c>, <c>BF16</c> and <c>Q8_0</c>
/// follow <c>convert_hf_to_gguf.py --outtype</c>, the others follow <c>llama-quantize</c> without an importance matrix; they differ in
/// what embeddings and output get.
/// </summary>
/// <param name="Name">Name such as <c>Q4_0</c>, <c>Q8_0</c>, <c>BF16</c>.</param>
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
        new("Q5_1", GgmlType.Q5_1, 9),
        new("Q5_0", GgmlType.Q5_0, 8),
        new("Q4_1", GgmlType.Q4_1, 3),
        new("Q4_0", GgmlType.Q4_0, 2),
    ];

    /// <summary>Finds a recipe by name, ignoring case; <see cref="ErrorKind.UnsupportedType"/> lists the names when there is none.</summary>
    public static Recipe Parse(string name) => All.FirstOrDefault(recipe => recipe.Name.Equals(name?.Trim(), StringComparison.OrdinalIgnoreCase))
        ?? throw new ModelOpsException(ErrorKind.UnsupportedType, $"There is no type '{name}' to convert to.", $"Choose one of {string.Join(", ", All.Select(recipe => recipe.Name))}.");

    /// <summary>
    /// The type of a tensor under this recipe. (A lattice that is kept overrides it with <c>Q4_0</c>; that is the converter's business.)
    /// </summary>
    /// <param name="tensorName">Name in the GGUF, such as <c>blk.0.ffn_down.weight</c>.</param>
    /// <param name="shape">Dimensions in ggml's order, row length first.</param>
    /// <param name="tiedOutput">Whether the model has no <c>output.weight</c> and uses the token embedding for it.</param>
    public GgmlType TypeFor(string tensorName, IReadOnlyList<long> shape, bool tiedOutput) => TensorTypes.Choose(this, tensorName, shape, new MixTraits(tiedOutput));
}
