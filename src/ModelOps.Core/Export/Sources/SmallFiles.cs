namespace ModelOps.Export;

/// <summary>The files of a checkpoint folder beside its weights: tokenizer, chat template, generation settings, licence, card.</summary>
internal static class SmallFiles
{
    private const long MostBytes = 256L << 20;

    private static readonly string[] WeightEndings = [".safetensors", ".index.json", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".npz", ".ckpt", ".ot"];

    /// <summary>Made anew, or said of a quantisation that is no more.</summary>
    private static readonly string[] Replaced = ["config.json", "quantize_config.json", "quant_config.json", "hf_quant_config.json"];

    /// <summary>Names and paths, by name.</summary>
    public static IReadOnlyList<(string Name, string From)> Of(string folder)
        => [.. from path in Directory.EnumerateFiles(folder)
               let name = Path.GetFileName(path)
               where !name.StartsWith('.') && !Replaced.Contains(name, StringComparer.Ordinal) && !Array.Exists(WeightEndings, ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
               where Formats.PlainFile.HasBytes(path) && Length(path) <= MostBytes
               orderby name
               select (name, path)];

    /// <summary>The size of a file, or of the one that a link leads to.</summary>
    public static long Length(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : new FileInfo(path).Length;
}
