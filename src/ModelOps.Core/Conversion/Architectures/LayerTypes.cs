using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>What config.json says of each layer in <c>layer_types</c>.</summary>
internal static class LayerTypes
{
    /// <summary>One type a layer; null when the file does not say.</summary>
    public static IReadOnlyList<string>? Find(CheckpointConfig config, long layers)
    {
        if (config.Find("layer_types") is not { ValueKind: JsonValueKind.Array } types)
            return null;
        List<string> names = [.. types.EnumerateArray().Select(type => type.ValueKind == JsonValueKind.String ? type.GetString()! : "")];
        return names.Count == layers ? names : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has {names.Count} layer_types for {layers} layers.");
    }
}
