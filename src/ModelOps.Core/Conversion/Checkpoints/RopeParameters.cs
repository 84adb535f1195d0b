using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// Rotary position parameters of config.json, wherever the library's version keeps them: <c>rope_theta</c> and <c>rope_scaling</c> at
/// the root, or all in <c>rope_parameters</c> (transformers 5), there possibly per kind of layer.
/// </summary>
internal sealed class RopeParameters
{
    private readonly JsonElement? _scaling;
    private readonly string _path;

    private RopeParameters(JsonElement? scaling, string path)
    {
        _scaling = scaling;
        _path = path;
    }

    /// <summary><c>default</c>, <c>linear</c>, <c>yarn</c>, <c>llama3</c> …; null when nothing is said.</summary>
    public string? Type { get; private init; }

    /// <summary>Base of the frequencies, of the full-attention layers where they differ.</summary>
    public double? Theta { get; private init; }

    /// <summary>Base of the frequencies of sliding-window layers, when it is their own.</summary>
    public double? SlidingTheta { get; private init; }

    /// <summary>The part of a head that is rotated, from 0 to 1; null when nothing is said.</summary>
    public double? PartialFactor { get; private init; }

    /// <summary>Whether positions are used as they are.</summary>
    public bool IsPlain => Type is null or "default";

    /// <summary>A list of numbers of the scaling; null when absent.</summary>
    public float[]? FindNumbers(string key)
        => _scaling is { } scaling && scaling.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Array
            ? CheckpointJson.Guard(_path, () => value.EnumerateArray().Select(number => (float)number.GetDouble()).ToArray())
            : null;

    /// <summary>A number of the scaling's own parameters; null when absent.</summary>
    public double? Find(string key)
        => _scaling is { } scaling && scaling.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    /// <summary>Whether a switch of the scaling, on where it is absent, is off.</summary>
    public bool IsOff(string key) => _scaling is { } scaling && scaling.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.False;

    /// <summary>A number that the scaling needs.</summary>
    public double Get(string key)
        => Find(key) ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path}: rope scaling of type '{Type}' needs '{key}'.");

    /// <summary>Collects them from a configuration.</summary>
    public static RopeParameters From(CheckpointConfig config)
    {
        JsonElement? parameters = config.Find("rope_parameters", "rope_scaling") is { ValueKind: JsonValueKind.Object } found ? found : null;
        JsonElement? full = Child(parameters, "full_attention");
        JsonElement? sliding = Child(parameters, "sliding_attention");
        // A file with parameters per kind of layer says everything there; only a flat one is completed from the root.
        var nested = full is not null || sliding is not null;
        var scaling = nested ? full : parameters;
        var theta = Number(scaling, "rope_theta")
            ?? (nested ? null : config.FindNumber("global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base"));
        var slidingTheta = nested
            ? Number(sliding, "rope_theta")
            : config.FindNumber("local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq");
        var partial = Number(scaling, "partial_rotary_factor") ?? config.FindNumber("partial_rotary_factor", "rope_pct", "rope_percent");
        if (partial is not (null or (> 0 and <= 1)))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says that a part of {partial} of each head is rotated, which cannot be.");
        Require(theta, config);
        Require(slidingTheta, config);
        return new RopeParameters(scaling, config.Path)
        {
            Type = Text(scaling, "rope_type") ?? Text(scaling, "type"),
            PartialFactor = partial,
            Theta = theta,
            SlidingTheta = slidingTheta,
        };
    }

    // A base of rotation: its powers are divided by.
    private static void Require(double? theta, CheckpointConfig config)
    {
        if (theta is not (null or (> 0 and <= float.MaxValue)))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says that the base of rotary positions (rope_theta) is {theta}, which cannot be.");
    }

    private static JsonElement? Child(JsonElement? element, string key)
        => element is { } parent && parent.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static double? Number(JsonElement? element, string key)
        => element is { } parent && parent.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static string? Text(JsonElement? element, string key)
        => element is { } parent && parent.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
