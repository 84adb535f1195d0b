namespace ModelOps.Conversion;

/// <summary>llama.cpp's <c>general.file_type</c> where the checkpoint's own blocks decide it.</summary>
internal static class FileTypes
{
    private const int MostlyMxFp4 = 38;
    private const int MostlyNvFp4 = 39;

    /// <summary>The number of a file whose blocks of the source are kept: theirs, unless what is around them is quantised further.</summary>
    public static int Of(Recipe recipe, IEnumerable<NamedSource> tensors)
    {
        if (recipe.BaseType is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            return recipe.FileType;
        var kept = tensors.Where(tensor => tensor.Tensor.KeepsType).Select(tensor => tensor.Tensor.NativeType).ToHashSet();
        return kept.Contains(GgmlType.NVFP4) ? MostlyNvFp4 : kept.Contains(GgmlType.MXFP4) ? MostlyMxFp4 : recipe.FileType;
    }

    /// <summary>Metadata with another recipe's number, where it has one.</summary>
    public static GgufMetadata With(GgufMetadata metadata, Recipe recipe)
    {
        const string Key = "general.file_type";
        var result = new GgufMetadata();
        foreach (var (key, value) in metadata)
            result.Set(key, key == Key ? (uint)recipe.FileType : value);
        return result;
    }
}
