using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>SmolLM3: Llama, with every fourth layer left without positions.</summary>
internal sealed class SmolLM3 : Llama
{
    /// <summary>llama.cpp's, which no key changes.</summary>
    private const int Interval = 4;

    public override IReadOnlyList<string> ClassNames => ["SmolLM3ForCausalLM"];

    public override string Name => "smollm3";

    public override string Defaults => """
        {
          "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 4,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 2000000.0, "tie_word_embeddings": true, "no_rope_layer_interval": 4
        }
        """;

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        RequireInterval(config);
        if (config.FindBoolean("use_sliding_window") is true && config.Find("sliding_window") is not null)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's SmolLM3 sees the whole text in every layer, the checkpoint does not (use_sliding_window).");
        base.Describe(config, recipe, metadata);
    }

    private void RequireInterval(CheckpointConfig config)
    {
        // One where a layer has positions; without the list, the interval says the same.
        var agrees = config.Find("no_rope_layers") is { ValueKind: JsonValueKind.Array } layers
            ? CheckpointJson.Guard(config.Path, () => layers.EnumerateArray().Select(layer => layer.GetInt32() != 0).SequenceEqual(Enumerable.Range(1, (int)Layers(config)).Select(layer => layer % Interval != 0)))
            : config.Size("no_rope_layer_interval") == Interval;
        if (!agrees)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp leaves every fourth layer of SmolLM3 without positions, the checkpoint others.");
    }
}
