namespace ModelOps.Conversion;

/// <summary>The language model of Qwen2-VL and Qwen2.5-VL: Qwen 2 with positions in time, height and width.</summary>
internal sealed class Qwen2Vl : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"];

    public override string Name => "qwen2vl";

    public override string Defaults => """
        {
          "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "tie_word_embeddings": false,
          "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 80
        }
        """;

    public override bool Ignores(string source) => base.Ignores(source) || OtherModalities.Include(source);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        SlidingPattern.RequireNone(this, config);
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config));
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes, needsBiases: true);
        table.AddGatedFeedForward(sizes);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        RopeSections.Require(this, DecoderSizes.From(config).HeadLength, metadata);
    }
}
