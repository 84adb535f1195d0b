using System.Text.Json;

namespace ModelOps.Server;

/// <summary>The two values of a config.json that the hub shows.</summary>
internal sealed record ModelConfig(IReadOnlyList<string> Architectures, string? ModelType)
{
    private const long MaxBytes = 4 << 20;

    public static readonly ModelConfig Empty = new([], null);

    /// <summary>Reads config.json; one that is missing or no JSON object says nothing, for a repository may hold anything.</summary>
    public static ModelConfig Read(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length > MaxBytes)
            return Empty;
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                return Empty;
            string[] architectures = root.TryGetProperty("architectures", out JsonElement list) && list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)]
                : [];
            string? type = root.TryGetProperty("model_type", out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
            return new ModelConfig(architectures, type);
        }
        catch (JsonException)
        {
            return Empty;
        }
    }
}
