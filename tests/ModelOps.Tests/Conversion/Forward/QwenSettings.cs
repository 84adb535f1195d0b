using System.Text.Json.Nodes;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>A config.json of the Qwen family as its library's configuration classes read it (transformers, models/qwen*/configuration_*.py).</summary>
internal sealed class QwenSettings(JsonObject root)
{
    private readonly JsonObject _text = root["text_config"] as JsonObject ?? root;

    public string ClassName { get; } = root["architectures"]![0]!.GetValue<string>();

    public int Hidden => Integer("hidden_size");

    public int Vocabulary => Integer("vocab_size");

    public int Layers => Integer("num_hidden_layers");

    public int Heads => Integer("num_attention_heads");

    public int KeyValueHeads => Integer("num_key_value_heads");

    public int HeadLength => _text.ContainsKey("head_dim") ? Integer("head_dim") : Hidden / Heads;

    public float Epsilon => Number("rms_norm_eps", 1e-6f);

    public bool IsTied => (_text["tie_word_embeddings"] ?? root["tie_word_embeddings"])?.GetValue<bool>() ?? false;

    /// <summary>Qwen3-Next and later: linear attention, gated attention, norms minus one.</summary>
    public bool IsHybrid => IsNext || ClassName.Contains("3_5", StringComparison.Ordinal);

    public bool IsNext => ClassName.StartsWith("Qwen3Next", StringComparison.Ordinal);

    /// <summary>Biases of query, key and value, and no norms of heads.</summary>
    public bool IsSecond => ClassName.StartsWith("Qwen2", StringComparison.Ordinal);

    /// <summary>Experts all in one tensor with input before output, as Qwen3-VL's are saved.</summary>
    public bool HasTransposedExperts => ClassName.StartsWith("Qwen3VLMoe", StringComparison.Ordinal);

    public string Prefix { get; init; } = root.ContainsKey("text_config") ? "model.language_model." : "model.";

    public int Width => Integer("intermediate_size");

    public int Experts => _text.ContainsKey("num_experts") ? Integer("num_experts") : 0;

    public int ExpertsUsed => Integer("num_experts_per_tok");

    public int ExpertWidth => Integer("moe_intermediate_size");

    /// <summary>Width of the shared expert; 0 when there is none.</summary>
    public int SharedWidth => _text.ContainsKey("shared_expert_intermediate_size") ? Integer("shared_expert_intermediate_size") : 0;

    /// <summary>Only the second generation leaves the weights of the chosen experts as they are.</summary>
    public bool NormalizesExperts => !IsSecond;

    public int KeyHeads => Integer("linear_num_key_heads");

    public int ValueHeads => Integer("linear_num_value_heads");

    public int LinearLength => Integer("linear_key_head_dim");

    public int Kernel => Integer("linear_conv_kernel_dim");

    public int Keys => KeyHeads * LinearLength;

    public int Values => ValueHeads * LinearLength;

    public double Theta => (double?)Rope("rope_theta") ?? 10000;

    /// <summary>Dimensions of a head that turn.</summary>
    public int Rotated => (int)(HeadLength * ((double?)Rope("partial_rotary_factor") ?? (IsHybrid ? 0.25 : 1)));

    /// <summary>Whether a layer has full attention.</summary>
    public bool IsFull(int layer)
        => !IsHybrid
        || (_text["layer_types"] is JsonArray types ? types[layer]!.GetValue<string>() == "full_attention" : (layer + 1) % (_text.ContainsKey("full_attention_interval") ? Integer("full_attention_interval") : 4) == 0);

    // Values may be an integer or a number: parsed from text, or set by a test.
    private double? Rope(string key) => (_text["rope_parameters"]?[key] ?? _text["rope_scaling"]?[key] ?? _text[key]) is { } value ? double.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture) : null;

    private int Integer(string key) => _text[key]?.GetValue<int>() ?? throw new KeyNotFoundException(key);

    private float Number(string key, float otherwise) => _text[key] is { } value ? float.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture) : otherwise;
}
