using System.Text.Json;

namespace ModelOps.Store;

/// <summary>A checkpoint folder whose shards have names of their own: only the index says that they are a model.</summary>
internal static class IndexedCheckpoint
{
    private const long MaximumIndexBytes = 256L << 20;

    /// <summary>Whether a folder has config.json and an index, and every file that the index names.</summary>
    public static bool IsOne(string folder)
    {
        var index = new FileInfo(Path.Combine(folder, "model.safetensors.index.json"));
        if (!File.Exists(Path.Combine(folder, "config.json")) || !index.Exists || index.Length > MaximumIndexBytes)
            return false;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index.FullName));
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("weight_map", out var map) && map.ValueKind == JsonValueKind.Object
                && map.EnumerateObject().Select(entry => entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "").ToHashSet() is { Count: > 0 } files
                && files.All(file => file.Length > 0 && file == Path.GetFileName(file) && File.Exists(Path.Combine(folder, file)));
        }
        catch (JsonException)
        {
            // What is no index makes no checkpoint.
            return false;
        }
    }
}
