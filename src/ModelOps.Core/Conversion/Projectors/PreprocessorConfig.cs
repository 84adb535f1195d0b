using System.Buffers;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// How images are prepared: preprocessor_config.json, and processor_config.json where newer versions of the library keep it
/// (<c>image_processor</c>). What is said later wins, as in llama.cpp's converter (MmprojModel).
/// </summary>
internal static class PreprocessorConfig
{
    private const string OldName = "preprocessor_config.json";
    private const string NewName = "processor_config.json";

    public static CheckpointConfig Read(Checkpoint checkpoint)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var found = new List<string>();
        foreach (var (name, nested) in new[] { (OldName, "media_proc_cfg"), (NewName, "image_processor") })
        {
            if (checkpoint.FindJson(name) is not { } root)
                continue;
            found.Add(name);
            Add(root);
            if (root.TryGetProperty(nested, out var inner) && inner.ValueKind == JsonValueKind.Object)
                Add(inner);
        }
        if (found.Count == 0)
        {
            throw new ModelOpsException(
                ErrorKind.FileNotFound,
                $"{checkpoint.Folder} has no {OldName} (nor {NewName}), which says how images are prepared.",
                "A vision tower is useless without it; download it with the checkpoint.");
        }
        return new CheckpointConfig(Merge(values), Path.Combine(checkpoint.Folder, found[^1]));

        void Add(JsonElement root)
        {
            foreach (var entry in root.EnumerateObject())
                values[entry.Name] = entry.Value;
        }
    }

    /// <summary>A list of three numbers, for red, green and blue.</summary>
    public static float[] Channels(this CheckpointConfig preprocessor, string key)
    {
        if (preprocessor.Find(key) is { ValueKind: JsonValueKind.Array } values && values.GetArrayLength() == 3)
            return CheckpointJson.Guard(preprocessor.Path, () => values.EnumerateArray().Select(value => (float)value.GetDouble()).ToArray());
        throw new ModelOpsException(ErrorKind.CorruptFile, $"{preprocessor.Path} has no '{key}' with a number for each of red, green and blue.", "Images could not be normalised as the model was trained to see them.");
    }

    private static JsonElement Merge(Dictionary<string, JsonElement> values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in values)
            {
                writer.WritePropertyName(name);
                value.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }
}
