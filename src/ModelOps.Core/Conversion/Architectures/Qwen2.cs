namespace ModelOps.Conversion;

/// <summary>Qwen 1.5, 2 and 2.5: biases for query, key and value.</summary>
internal sealed class Qwen2 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen2ForCausalLM", "Qwen2Model"];

    public override string Name => "qwen2";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "sliding_window": 4096, "max_window_layers": 28
        }
        """;

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
}
