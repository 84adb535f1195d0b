using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>OLMo 3: OLMo 2 with a window in three of four layers.</summary>
internal sealed class Olmo3 : Olmo2
{
    private const int Pattern = 4;

    public override IReadOnlyList<string> ClassNames => ["Olmo3ForCausalLM"];

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.EqualLogits;

    public override string Defaults => """
        {
          "vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": false, "sliding_window": 4096
        }
        """;

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        metadata.Set(Key("attention.sliding_window_pattern"), IsSliding(config));
    }

    private bool[] IsSliding(CheckpointConfig config)
    {
        var layers = (int)Layers(config);
        if (config.Find("layer_types") is not { ValueKind: JsonValueKind.Array } types)
            return [.. Enumerable.Range(1, layers).Select(layer => layer % Pattern != 0)];
        bool[] sliding = [.. types.EnumerateArray().Select(type => type.ValueKind == JsonValueKind.String && type.GetString() == "sliding_attention")];
        return sliding.Length == layers ? sliding : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has {sliding.Length} layer_types for {layers} layers.");
    }
}
