using System.Globalization;
using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>
/// config.json. Values of a nested <c>text_config</c> win over those of the root, as multimodal checkpoints keep the language model's
/// there. A null counts as absent; what is not mentioned at all has the model library's default, where the architecture knows it.
/// </summary>
internal sealed class CheckpointConfig
{
    private readonly JsonElement _root;
    private readonly JsonElement? _text;
    private readonly JsonElement? _defaults;
    private readonly string _path;
    private CheckpointConfig? _whole;

    public CheckpointConfig(JsonElement root, string path)
        : this(root, path, null)
    {
    }

    private CheckpointConfig(JsonElement root, string path, JsonElement? defaults)
    {
        _root = root;
        _path = path;
        _defaults = defaults;
        _text = root.TryGetProperty("text_config", out var text) && text.ValueKind == JsonValueKind.Object ? text : null;
    }

    /// <summary>The whole document.</summary>
    public JsonElement Root => _root;

    /// <summary>
    /// The model library's class: <c>text_config.architectures</c>, else <c>architectures</c>; null when the file does not say.
    /// </summary>
    public string? ClassName => _whole?.ClassName ?? FindClassName(_text) ?? FindClassName(_root);

    /// <summary>The class that <c>architectures</c> names here, not in <c>text_config</c>; null when it is not said.</summary>
    public string? OwnClassName => FindClassName(_root);

    /// <summary>
    /// The same file read as the model library reads it: checkpoints are saved without the values that equal the defaults of their class.
    /// </summary>
    public CheckpointConfig WithDefaults(JsonElement defaults) => new(_root, _path, defaults) { _whole = _whole };

    /// <summary>
    /// An object inside the file as a configuration of its own, such as that of a vision tower; null when absent. It keeps the class.
    /// </summary>
    public CheckpointConfig? FindPart(string key)
        => _root.TryGetProperty(key, out var part) && part.ValueKind == JsonValueKind.Object ? new CheckpointConfig(part, $"{_path} ({key})", null) { _whole = this } : null;

    /// <summary>The first of <paramref name="keys"/> that has a value.</summary>
    public JsonElement? Find(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (_text is { } text && text.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null)
                return value;
            if (_root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null)
                return value;
        }
        foreach (var key in keys)
        {
            if (_defaults is { } defaults && defaults.TryGetProperty(key, out var value) && !Mentions(key))
                return value;
        }
        return null;
    }

    /// <summary>A text; null when absent.</summary>
    public string? FindText(params ReadOnlySpan<string> keys) => Find(keys) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(keys, "a text", value);

    /// <summary>An integer, also when it is written as 1e30 or 4096.0; null when absent.</summary>
    public long? FindInteger(params ReadOnlySpan<string> keys) => Find(keys) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var integer) ? integer
        : value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && number == Math.Floor(number) && Math.Abs(number) < 1L << 53 ? (long)number
        : throw Wrong(keys, "an integer", value);

    /// <summary>A number; null when absent.</summary>
    public double? FindNumber(params ReadOnlySpan<string> keys) => Find(keys) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
        : throw Wrong(keys, "a number", value);

    /// <summary>A number between <paramref name="least"/> and <paramref name="most"/>; null when absent.</summary>
    public double? FindNumber(double least, double most, params ReadOnlySpan<string> keys) => FindNumber(keys) is not { } value ? null
        : value >= least && value <= most ? value
        : throw Wrong(keys, string.Create(CultureInfo.InvariantCulture, $"a number between {least} and {most}"), Find(keys)!.Value);

    /// <summary>A number between 0 and 1 that is said here, not in <c>text_config</c>; null when it is not.</summary>
    public double? FindOwnNumber(string key) => _root.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 0 and <= 1 and var number ? number : null;

    /// <summary>The same of what there must be: also where the library has a default, a file may say null.</summary>
    public double Number(double least, double most, params ReadOnlySpan<string> keys)
        => FindNumber(least, most, keys) ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} has no '{string.Join("' or '", keys)}'.");

    /// <summary>A truth value; null when absent.</summary>
    public bool? FindBoolean(params ReadOnlySpan<string> keys) => Find(keys) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(keys, "true or false", value);

    /// <summary>A size that a tensor's shape is made of: a positive integer of at most 2³¹ − 1.</summary>
    public long Size(string key, long? otherwise = null)
    {
        var size = FindInteger(key) ?? otherwise ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} has no '{key}'.");
        return size is > 0 and <= int.MaxValue
            ? size
            : throw new ModelOpsException(ErrorKind.CorruptFile, $"{_path} says {key} = {size}, which cannot be.");
    }

    /// <summary>Positive integers, as many as said or any number; null when absent.</summary>
    public IReadOnlyList<long>? FindSizes(string key, int? count = null)
    {
        if (Find(key) is not { } value)
            return null;
        List<long> sizes = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(size => size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out var number) ? number : 0)] : [];
        return sizes.Count > 0 && (count ?? sizes.Count) == sizes.Count && sizes.TrueForAll(size => size is > 0 and <= int.MaxValue) ? sizes : throw Wrong([key], count is null ? "positive integers" : $"{count} positive integers", value);
    }

    /// <summary>A count that GGUF holds as 32 bits; null when absent.</summary>
    public uint? FindCount(params ReadOnlySpan<string> keys) => FindInteger(keys) is not { } value ? null
        : value is >= 0 and <= uint.MaxValue ? (uint)value
        : throw Wrong(keys, "a 32-bit count", Find(keys)!.Value);

    /// <summary>Where the values come from, for messages.</summary>
    public string Path => _path;

    /// <summary>Whether the file has the key, be it null: the library's default is not taken then.</summary>
    private bool Mentions(string key) => _root.TryGetProperty(key, out _) || (_text is { } text && text.TryGetProperty(key, out _));

    private static string? FindClassName(JsonElement? config)
        => config is { } element && element.TryGetProperty("architectures", out var classes) && classes.ValueKind == JsonValueKind.Array
            && classes.GetArrayLength() > 0 && classes[0].ValueKind == JsonValueKind.String ? classes[0].GetString() : null;

    private ModelOpsException Wrong(ReadOnlySpan<string> keys, string expected, JsonElement value)
    {
        var text = value.GetRawText();
        return new(ErrorKind.CorruptFile, $"{_path}: '{string.Join("' or '", keys)}' should be {expected}, not {(text.Length > 60 ? text[..60] + "…" : text)}.");
    }
}
