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
}
