namespace ModelOps.Conversion;

/// <summary>Qwen 3, also its embedding models: norms of query and key, no biases.</summary>
internal class Qwen3 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3ForCausalLM", "Qwen3Model"];

    public override string Name => "qwen3";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
          "head_dim": 128, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "sliding_window": 4096, "max_window_layers": 28
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        SlidingPattern.RequireNone(this, config);
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config));
        AddEnds(table, sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        table.AddHeadNorms(sizes);
        table.AddGatedFeedForward(sizes);
        return table;
    }

    public override Architecture Refine(Checkpoint checkpoint) => (Architecture?)Qwen3Reranker.Find(checkpoint) ?? this;

    /// <summary>Embedding, last norm and head.</summary>
    protected virtual void AddEnds(TensorTable table, DecoderSizes sizes, bool tied) => table.AddEnds(sizes, tied);
}
