using ModelOps.Formats;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// Reads a GGUF file, with all its shards, as the contents of another: what llama-quantize does (llama_model_quantize_impl of
/// src/llama-quant.cpp). Tensors stand in its order; those whose type stays are copied.
/// </summary>
internal static class GgufContents
{
    private const string SplitPrefix = "split.";

    /// <summary>Whether a source is a GGUF file rather than a checkpoint. A damaged one is still meant as one: its reader says what is wrong.</summary>
    public static bool IsMeant(string source) => File.Exists(source) && source.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || HasMagic(source);

    public static ModelContents Read(string source, Recipe recipe, ConversionOptions options)
    {
        var path = Path.GetFullPath(source);
        List<GgufFile> shards = [.. GgufShards.Of(path).Select(GgufFile.Read)];
        return Read(path, shards, recipe, options) with { Files = [.. shards.Select(shard => shard.Path!)] };
    }

    /// <summary>The same from headers that have been read, the first shard's first; <see cref="GgufFile.Path"/> names the files.</summary>
    public static ModelContents Read(string source, List<GgufFile> shards, Recipe recipe, ConversionOptions options)
    {
        var first = shards[0];
        RequireModel(source, first.Metadata);
        RequireShards(shards);
        var tensors = new SortedDictionary<string, NamedSource>(LayerOrder.Instance);
        foreach (var shard in shards)
        {
            foreach (var tensor in shard.Tensors)
            {
                if (!tensors.TryAdd(tensor.Name, new NamedSource(tensor.Name, new GgufTensorSource(shard.Path!, tensor))))
                    throw new ModelOpsException(ErrorKind.CorruptFile, $"Tensor '{tensor.Name}' is in two shards, the second time in {shard.Path}.");
            }
        }
        return new ModelContents
        {
            Source = source,
            Architecture = first.Architecture,
            Metadata = Describe(first.Metadata, recipe, options.ModelName),
            Tensors = [.. tensors.Values],
            Files = [],
            ReadOrder = [.. shards.SelectMany(shard => shard.Tensors.OrderBy(tensor => tensor.Offset), (_, tensor) => tensor.Name)],
            Rules = TypeRules.Quantizer,
        };
    }

    private static bool HasMagic(string path)
    {
        if (!PlainFile.HasBytes(path))
            return false;
        using var file = HeaderSource.Open(path);
        Span<byte> magic = stackalloc byte[4];
        return file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("GGUF"u8);
    }

    /// <summary>The source's keys; those that are of the file rather than of the model go, or to the end with their new values.</summary>
    private static GgufMetadata Describe(GgufMetadata source, Recipe recipe, string? modelName)
    {
        var metadata = new GgufMetadata();
        foreach (var (key, value) in source)
        {
            if (!key.StartsWith(SplitPrefix, StringComparison.Ordinal) && key is not ("general.quantization_version" or "general.file_type"))
                metadata.Set(key, value);
        }
        metadata.Set("general.quantization_version", 2u);
        metadata.Set("general.file_type", (uint)recipe.FileType);
        if (modelName is not null)
            metadata.Set("general.name", modelName);
        return metadata;
    }

    private static void RequireModel(string source, GgufMetadata metadata)
    {
        var kind = metadata.FindString("general.type") ?? "model";
        if (kind == "adapter")
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{source} is an adapter, not a model.", "Convert the model that it adapts; an adapter is loaded beside it, or merged into the checkpoint.");
        if (kind is not ("model" or "mmproj") || metadata.FindString("general.architecture") is null)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{source} holds no model: it is a GGUF file of type '{kind}'{(kind == "model" ? " without an architecture" : "")}.", "Give the GGUF file of a model, or a checkpoint folder.");
    }

    private static void RequireShards(List<GgufFile> shards)
    {
        if (shards[0].Metadata.FindInteger("split.count") is { } count and > 1 && count != shards.Count)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"{shards[0].Path} is one of {count} shards by its header, but {shards.Count} {(shards.Count == 1 ? "is" : "are")} there by name.",
                "Shards are named name-00001-of-0000N.gguf and stand in one folder.");
        }
        for (var i = 0; i < shards.Count; i++)
        {
            if (shards[i].Metadata.FindInteger("split.no") is { } number && number != i)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{shards[i].Path} is shard {number + 1} by its header, and shard {i + 1} by its name.", "Files have been renamed or mixed up; download the model again.");
        }
        if (shards[0].Metadata.FindInteger("split.tensors.count") is { } tensors && tensors != shards.Sum(shard => shard.Tensors.Count))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"The shards of {shards[0].Path} hold {shards.Sum(shard => shard.Tensors.Count)} tensors; {tensors} were promised.", "A shard is of another model; download them again.");
    }
}
