using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>The language model of Qwen3-VL: Qwen 3 with positions in time, height and width, and images that enter the first layers too.</summary>
internal class Qwen3Vl : Architecture
{
    /// <summary>Layers that images enter where config.json describes the tower for images but not this.</summary>
    private const uint DefaultDeepLayers = 3;

    public override IReadOnlyList<string> ClassNames => ["Qwen3VLForConditionalGeneration"];

    public override string Name => "qwen3vl";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
          "head_dim": 128, "max_position_embeddings": 128000, "rms_norm_eps": 1e-6, "rope_theta": 5000000.0, "attention_bias": false
        }
        """;

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        if (config.FindBoolean("attention_bias") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} has no biases in its attention, the checkpoint does (attention_bias).");
        // The mixtures say no width of a dense network, or one they do not have.
        var sizes = DecoderSizes.From(config, feedForward: 0);
        var table = new TensorTable(Layers(config));
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? IsTied);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        table.AddHeadNorms(sizes);
        AddFeedForward(table, config);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        var length = DecoderSizes.From(config, feedForward: 0).HeadLength;
        RopeSections.Complete(this, length, length, metadata, [24, 20, 20]);
        metadata.Set(Key("n_deepstack_layers"), DeepLayers(config));
    }

    /// <summary>What stands between attention and the next layer.</summary>
    protected virtual void AddFeedForward(TensorTable table, CheckpointConfig config) => table.AddGatedFeedForward(DecoderSizes.From(config));

    /// <summary>Whether the head is the embedding where config.json does not say.</summary>
    protected virtual bool IsTied => false;

    private static uint DeepLayers(CheckpointConfig config)
    {
        if (config.Find("vision_config") is not { ValueKind: JsonValueKind.Object } vision)
            return 0;
        return !vision.TryGetProperty("deepstack_visual_indexes", out var indexes) ? DefaultDeepLayers
            : indexes.ValueKind == JsonValueKind.Array ? (uint)indexes.GetArrayLength() : 0;
    }
}
