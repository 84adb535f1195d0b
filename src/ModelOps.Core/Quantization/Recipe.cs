namespace ModelOps;

/// <summary>Which tensor gets which type: llama.cpp's file types ("ftype"), by their names.</summary>
/// <param name="Name">Name such as <c>Q4_0</c>, <c>Q8_0</c>, <c>BF16</c>.</param>
/// <param name="BaseType">The type of ordinary matrices.</param>
/// <param name="FileType">llama.cpp's <c>general.file_type</c> number (LLAMA_FTYPE).</param>
public sealed record Recipe(string Name, GgmlType BaseType, int FileType)
{
    /// <summary>Every recipe that can be written, for completers and help.</summary>
    public static IReadOnlyList<Recipe> All => throw new NotImplementedException();

    /// <summary>Finds a recipe by name, ignoring case; <see cref="ErrorKind.UnsupportedType"/> lists the names when there is none.</summary>
    public static Recipe Parse(string name) => throw new NotImplementedException();
}
