namespace ModelOps.Hub;

/// <summary>Which files the hub keeps outside git, so that a folder gets the digests that it would have there.</summary>
internal static class LargeFiles
{
    /// <summary>From here on every file is kept as LFS does, whatever its name.</summary>
    private const long LargeBytes = 1 << 20;
    private static readonly string[] LargeExtensions = [".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".parquet", ".npz", ".zip", ".imatrix"];

    /// <summary>Whether the hub would keep a file outside git, as a .gitattributes says: such a file is known by its SHA-256, others by git's blob id.</summary>
    public static bool Has(string path, long bytes) => bytes > LargeBytes
        || LargeExtensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase)
        || Path.GetFileName(path) == "tokenizer.model";
}
