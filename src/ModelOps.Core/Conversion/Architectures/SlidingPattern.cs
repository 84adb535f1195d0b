using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Every how many layers attention is global, where the others see a window.</summary>
internal static class SlidingPattern
{
    /// <summary>
    /// The period: said as a number, or (since transformers 4.53) layer by layer. Refused when the layers do not recur, which llama.cpp's
    /// key of one number cannot express.
    /// </summary>
    /// <param name="config">config.json.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="assumed">What the library and llama.cpp assume when nothing is said.</param>
    public static long Find(CheckpointConfig config, long layers, int assumed)
    {
        if (config.Find("layer_types") is not { ValueKind: JsonValueKind.Array } types)
        {
            var key = config.Find("sliding_window_pattern") is null ? "_sliding_window_pattern" : "sliding_window_pattern";
            return config.Size(key, assumed);
        }
        var isGlobal = types.EnumerateArray().Select(type => type.ValueKind == JsonValueKind.String && type.GetString() == "full_attention").ToList();
        if (isGlobal.Count != layers)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has {isGlobal.Count} layer_types for {layers} layers.");
        var first = isGlobal.IndexOf(true);
        // No global layer at all: a pattern longer than the model says so.
        var pattern = first < 0 ? isGlobal.Count + 1 : first + 1;
        // A model of few layers may say nothing that disagrees with what is assumed anyway.
        if (Follows(assumed))
            return assumed;
        return Follows(pattern)
            ? pattern
            : throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: the global layers do not recur regularly, which llama.cpp cannot express for {config.ClassName}.");

        bool Follows(int period) => isGlobal.Select((global, layer) => global == ((layer + 1) % period == 0)).All(agrees => agrees);
    }

    /// <summary>
    /// Refuses a window for architectures that have none in llama.cpp: Qwen's configurations speak of one, which nearly all leave off, or make
    /// as long as the context.
    /// </summary>
    /// <param name="architecture">The architecture.</param>
    /// <param name="config">config.json.</param>
    /// <param name="startsAbove">Whether only layers from <c>max_window_layers</c> on would have it, where config.json does not say of each.</param>
    public static void RequireNone(Architecture architecture, CheckpointConfig config, bool startsAbove = true)
    {
        if (config.FindBoolean("use_sliding_window") is not true || config.FindInteger("sliding_window") is not { } window || window >= config.FindInteger("max_position_embeddings"))
            return;
        var layers = architecture.Layers(config);
        var slides = LayerTypes.Find(config, layers) is { } types ? types.Contains("sliding_attention") : !startsAbove || config.FindInteger("max_window_layers") is not { } first || first < layers;
        if (slides)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {architecture.Name} has no layers with a window, the checkpoint does (use_sliding_window).");
    }
}
