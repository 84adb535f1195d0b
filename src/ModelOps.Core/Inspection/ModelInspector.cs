using System.Text.Json;
using ModelOps.Conversion;
using ModelOps.Formats;

namespace ModelOps.Inspection;

/// <summary>Collects a <see cref="ModelInfo"/> from headers.</summary>
internal static class ModelInspector
{
    public static ModelInfo Read(string path)
    {
        if (Directory.Exists(path))
            return ReadCheckpoint(path);
        return File.Exists(path)
            ? ReadGguf(path)
            : throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no file or folder {path}.");
    }

    private static ModelInfo ReadGguf(string path)
    {
        var shards = GgufShards.Of(path).Select(GgufFile.Read).ToList();
        var header = shards[0];
        var tensors = shards.SelectMany(shard => shard.Tensors).ToList();
        var architecture = header.Metadata.FindString("general.architecture") ?? "unknown";
        return new ModelInfo
        {
            Path = path,
            Kind = ModelKind.Gguf,
            Architecture = architecture,
            Parameters = tensors.Sum(tensor => tensor.Weights),
            ContextLength = header.Metadata.FindInteger($"{architecture}.context_length"),
            Quantization = Dominant(tensors.Select(tensor => (tensor.Type.ToString(), tensor.Weights))),
            Bytes = shards.Sum(shard => shard.FileBytes),
            Metadata = header.Metadata,
            Tensors = [.. tensors.Select(tensor => new TensorInfo(tensor.Name, tensor.Type.ToString(), tensor.Shape, tensor.Bytes))],
        };
    }

    private static ModelInfo ReadCheckpoint(string path)
    {
        var checkpoint = Checkpoint.Open(path);
        var metadata = new Dictionary<string, object>(StringComparer.Ordinal);
        Flatten(checkpoint.Config.Root, "", metadata);
        return new ModelInfo
        {
            Path = path,
            Kind = ModelKind.Checkpoint,
            Architecture = checkpoint.Config.ClassName ?? "unknown",
            Parameters = checkpoint.Tensors.Sum(Weights),
            ContextLength = checkpoint.Config.FindInteger("max_position_embeddings", "n_ctx", "n_positions"),
            Quantization = Dominant(checkpoint.Tensors.Select(tensor => (tensor.Type.ToString(), Weights(tensor)))),
            Bytes = Directory.EnumerateFiles(checkpoint.Folder).Sum(Length),
            Metadata = metadata,
            Tensors = [.. checkpoint.Tensors.Select(tensor => new TensorInfo(tensor.Name, tensor.Type.ToString(), tensor.Shape, tensor.Bytes))],
        };
    }

    private static long Weights(CheckpointTensor tensor) => tensor.Shape.Aggregate(1L, (product, length) => product * length);

    private static string Dominant(IEnumerable<(string Type, long Weights)> tensors)
        => tensors.GroupBy(tensor => tensor.Type, tensor => tensor.Weights).MaxBy(group => group.Sum())?.Key ?? "none";

    /// <summary>Length of a file, or of what a symbolic link of a hub cache leads to.</summary>
    private static long Length(string path)
        => File.ResolveLinkTarget(path, returnFinalTarget: true) is FileInfo target ? target.Length : new FileInfo(path).Length;

    /// <summary>Nested objects become dotted keys, so that the values are plain texts, numbers, truth values and arrays of texts.</summary>
    private static void Flatten(JsonElement element, string prefix, Dictionary<string, object> values)
    {
        foreach (var property in element.EnumerateObject())
        {
            var key = prefix + property.Name;
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.Object:
                    Flatten(property.Value, key + ".", values);
                    break;
                case JsonValueKind.Array:
                    values[key] = property.Value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : item.GetRawText()).ToArray();
                    break;
                case JsonValueKind.String:
                    values[key] = property.Value.GetString()!;
                    break;
                case JsonValueKind.Number:
                    values[key] = property.Value.TryGetInt64(out var integer) ? (object)integer : property.Value.GetDouble();
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    values[key] = property.Value.GetBoolean();
                    break;
            }
        }
    }
}
