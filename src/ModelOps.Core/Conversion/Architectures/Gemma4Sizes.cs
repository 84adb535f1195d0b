using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Gemma 4's sizes, which differ between the layers that see a window and those that see everything.</summary>
internal sealed class Gemma4Sizes
{
    /// <summary>The library makes every sixth layer global when config.json does not say, and the last one always.</summary>
    private const int Pattern = 6;

    private readonly long _headLength;
    private readonly long _globalHeadLength;
    private readonly long _keyValueHeads;
    private readonly bool _doublesSharing;

    public Gemma4Sizes(CheckpointConfig config, long layers)
    {
        Layers = (int)layers;
        (Hidden, FeedForward, Vocabulary, Heads) = (config.Size("hidden_size"), config.Size("intermediate_size"), config.Size("vocab_size"), config.Size("num_attention_heads"));
        IsSliding = LayerTypes.Find(config, layers) is { } types
            ? [.. types.Select(type => type == "sliding_attention")]
            : [.. Enumerable.Range(1, Layers).Select(layer => layer % Pattern != 0 && layer != Layers)];
        (_headLength, _keyValueHeads) = (config.Size("head_dim"), config.Size("num_key_value_heads"));
        _globalHeadLength = config.FindInteger("global_head_dim") is null && GlobalValue(config, "head_dim") is { } length ? length : config.Size("global_head_dim", DefaultGlobalHead);
        KeysAreValues = config.FindBoolean("attention_k_eq_v") ?? false;
        GlobalKeyValueHeads = config.Find("num_global_key_value_heads") is null ? GlobalValue(config, "num_key_value_heads") : config.Size("num_global_key_value_heads");
        var sharing = config.FindCount("num_kv_shared_layers") ?? 0;
        if (sharing >= layers)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says that {sharing} of {layers} layers share keys and values, which cannot be.");
        FirstSharing = Layers - (int)sharing;
        _doublesSharing = config.FindBoolean("use_double_wide_mlp") ?? false;
        PerLayerInput = config.FindCount("hidden_size_per_layer_input") ?? 0;
    }

    private const long DefaultGlobalHead = 512;

    public int Layers { get; }

    public long Hidden { get; }

    public long FeedForward { get; }

    public long Vocabulary { get; }

    public long Heads { get; }

    /// <summary>Layer by layer, whether attention sees only a window.</summary>
    public bool[] IsSliding { get; }

    /// <summary>Whether global layers use their keys as values.</summary>
    public bool KeysAreValues { get; }

    /// <summary>Key/value heads of global layers; null when they are as everywhere.</summary>
    public long? GlobalKeyValueHeads { get; }

    /// <summary>The first of the layers that use the keys and values of earlier ones.</summary>
    public int FirstSharing { get; }

    /// <summary>Width of the embedding that each layer gets of its own; 0 when there is none.</summary>
    public uint PerLayerInput { get; }

    /// <summary>Whether the feed-forward network has another width in the layers that share keys and values.</summary>
    public bool HasSeveralWidths => _doublesSharing;

    public long HeadLength(int layer) => IsSliding[layer] ? _headLength : _globalHeadLength;

    /// <summary>Dimensions of a head in global layers.</summary>
    public long GlobalHeadLength => _globalHeadLength;

    /// <summary>Dimensions of a head in layers that see a window.</summary>
    public long SlidingHeadLength => _headLength;

    // The library looks at the global number only where keys are values.
    public long KeyValueHeads(int layer) => !IsSliding[layer] && KeysAreValues ? GlobalKeyValueHeads ?? _keyValueHeads : _keyValueHeads;

    public long Width(int layer) => _doublesSharing && layer >= FirstSharing ? 2 * FeedForward : FeedForward;

    /// <summary>A value of the first global layer in <c>per_layer_config</c>, where later versions of the library keep what differs.</summary>
    private long? GlobalValue(CheckpointConfig config, string key)
    {
        if (config.Find("per_layer_config") is not { ValueKind: JsonValueKind.Object } perLayer)
            return null;
        foreach (var layer in Enumerable.Range(0, Layers).Where(layer => !IsSliding[layer]))
        {
            if (perLayer.TryGetProperty(layer.ToString(), out var values) && values.ValueKind == JsonValueKind.Object && values.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number)
            {
                return value.TryGetInt32(out var number) && number > 0
                    ? number
                    : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {key} = {value.GetRawText()} for layer {layer}, which cannot be.");
            }
        }
        return null;
    }
}
