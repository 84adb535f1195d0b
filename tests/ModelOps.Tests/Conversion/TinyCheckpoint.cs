using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion;

/// <summary>A golden checkpoint in memory: its configuration and tensors may be changed before it is saved as another checkpoint.</summary>
internal sealed class TinyCheckpoint
{
    public sealed record Tensor(string Type, long[] Shape, byte[] Data);

    private readonly string _folder;

    private TinyCheckpoint(string folder)
    {
        _folder = folder;
        // Python writes infinities that JSON does not have.
        Config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")).Replace("Infinity", "1e30", StringComparison.Ordinal))!.AsObject();
        foreach (var file in Directory.EnumerateFiles(folder, "*.safetensors"))
            ReadTensors(File.ReadAllBytes(file));
    }

    public JsonObject Config { get; }

    public SortedDictionary<string, Tensor> Tensors { get; } = new(StringComparer.Ordinal);

    public static TinyCheckpoint Of(string golden) => new(Path.Combine(TestPaths.Golden(golden), "hf"));

    /// <summary>That of another folder.</summary>
    public static TinyCheckpoint OfFolder(string folder) => new(folder);

    /// <summary>Forgets tensors and configuration, for a model of another kind with the tokenizer of this one.</summary>
    public void Replace(string config)
    {
        Tensors.Clear();
        Config.Clear();
        foreach (var (key, value) in JsonNode.Parse(config)!.AsObject())
            Config[key] = value?.DeepClone();
    }

    /// <summary>Adds random weights of a tenth or so (a norm's about one), the same for the same name.</summary>
    public void Add(string name, params long[] shape)
    {
        var random = new Random(name.Sum(letter => letter * 31) + name.Length);
        var data = new byte[shape.Aggregate(4L, (product, length) => product * length)];
        var center = shape.Length == 1 && name.EndsWith("weight", StringComparison.Ordinal) ? 1f : 0f;
        for (var i = 0; i < data.Length; i += 4)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i), center + (random.NextSingle() * 0.6f) - 0.3f);
        Tensors.Add(name, new Tensor("F32", shape, data));
    }

    /// <summary>Gives a tensor another name.</summary>
    public void Rename(string from, string to)
    {
        Tensors.Remove(from, out var tensor);
        Tensors.Add(to, tensor!);
    }

    /// <summary>Writes the checkpoint to a folder named <c>hf</c>, as the golden ones are, in as many shards as asked.</summary>
    public string Save(TemporaryFolder parent, int shards = 1)
    {
        var folder = Directory.CreateDirectory(parent.File("hf")).FullName;
        foreach (var file in Directory.EnumerateFiles(_folder).Where(file => Path.GetExtension(file) is not ".safetensors" && !file.EndsWith(".index.json", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        foreach (var file in Directory.EnumerateDirectories(_folder).SelectMany(Directory.EnumerateFiles))
        {
            var to = Path.Combine(folder, Path.GetRelativePath(_folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to, overwrite: true);
        }
        File.WriteAllText(Path.Combine(folder, "config.json"), Config.ToJsonString());
        if (shards == 1)
        {
            File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), Write(Tensors));
            return folder;
        }
        var map = new JsonObject();
        for (var shard = 0; shard < shards; shard++)
        {
            // Every shard has some of each layer.
            var name = $"model-{shard + 1:00000}-of-{shards:00000}.safetensors";
            var part = Tensors.Where((_, i) => i % shards == shard).ToList();
            File.WriteAllBytes(Path.Combine(folder, name), Write(part));
            foreach (var tensor in part)
                map[tensor.Key] = name;
        }
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        return folder;
    }

    private void ReadTensors(byte[] bytes)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var document = JsonDocument.Parse(bytes.AsMemory(8, header));
        foreach (var entry in document.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            var (from, to) = (entry.Value.GetProperty("data_offsets")[0].GetInt32(), entry.Value.GetProperty("data_offsets")[1].GetInt32());
            Tensors[entry.Name] = new Tensor(entry.Value.GetProperty("dtype").GetString()!, [.. entry.Value.GetProperty("shape").EnumerateArray().Select(length => length.GetInt64())], bytes[(8 + header + from)..(8 + header + to)]);
        }
    }

    /// <summary>A safetensors file.</summary>
    public static byte[] Write(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var header = new JsonObject();
        using var data = new MemoryStream();
        foreach (var (name, tensor) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.Type,
                ["shape"] = new JsonArray([.. tensor.Shape.Select(length => JsonValue.Create(length))]),
                ["data_offsets"] = new JsonArray(data.Position, data.Position + tensor.Data.Length),
            };
            data.Write(tensor.Data);
        }
        var json = System.Text.Encoding.UTF8.GetBytes(header.ToJsonString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data.ToArray()];
    }
}
