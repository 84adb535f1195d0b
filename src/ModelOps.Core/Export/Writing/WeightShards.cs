using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Formats;

namespace ModelOps.Export;

/// <summary>Divides tensors among weight files: whole tensors, in order, at most 5 GiB a file (mlx_lm/utils.py, make_shards).</summary>
internal static class WeightShards
{
    private const long MostBytes = 5L << 30;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>The stored tensors of an item.</summary>
    public static IEnumerable<SafetensorsSpec> Specs(ExportItem item)
        => item.Parts.Select(part => new SafetensorsSpec(PartName(item, part), part.Type, part.Shape));

    /// <summary>The name of a stored tensor.</summary>
    public static string PartName(ExportItem item, ExportPart part) => part.Suffix.Length == 0 ? item.Name : item.Module + part.Suffix;

    /// <summary>Lays the files out, and says in which each item is.</summary>
    public static (IReadOnlyList<WeightFile> Files, int[] FileOf) Lay(IReadOnlyList<ExportItem> items, IReadOnlyDictionary<string, string> metadata, long mostBytes = MostBytes)
    {
        var fileOf = new int[items.Count];
        var (file, bytes) = (0, 0L);
        for (var i = 0; i < items.Count; i++)
        {
            var own = Specs(items[i]).Sum(spec => spec.Bytes);
            if (bytes > 0 && bytes + own > mostBytes)
                (file, bytes) = (file + 1, 0);
            bytes += own;
            fileOf[i] = file;
        }
        var count = file + 1;
        return (
            [.. Enumerable.Range(0, count).Select(index => new WeightFile(Name(index, count), SafetensorsLayout.Create(metadata, [.. items.Where((_, i) => fileOf[i] == index).SelectMany(Specs)])))],
            fileOf);
    }

    /// <summary>model.safetensors.index.json.</summary>
    public static byte[] Index(IReadOnlyList<WeightFile> files, IReadOnlyList<ExportItem> items)
    {
        var map = new JsonObject();
        foreach (var (name, file) in files.SelectMany(file => file.Layout.Tensors, (file, tensor) => (tensor.Name, file.Name)).OrderBy(tensor => tensor.Item1, StringComparer.Ordinal))
            map[name] = file;
        return JsonSerializer.SerializeToUtf8Bytes(
            new JsonObject
            {
                ["metadata"] = new JsonObject
                {
                    ["total_size"] = files.Sum(file => file.Layout.Tensors.Sum(tensor => tensor.Bytes)),
                    ["total_parameters"] = items.Sum(item => item.Weights),
                },
                ["weight_map"] = map,
            },
            Readable);
    }

    private static string Name(int file, int count)
        => count == 1 ? "model.safetensors" : string.Create(CultureInfo.InvariantCulture, $"model-{file + 1:00000}-of-{count:00000}.safetensors");
}
