namespace ModelOps.Conversion;

/// <summary>Qwen 3's mixtures of experts: every layer has them.</summary>
internal sealed class Qwen3Moe : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3MoeForCausalLM"];

    public override string Name => "qwen3moe";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 4,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "decoder_sparse_step": 1, "norm_topk_prob": false,
          "sliding_window": 4096
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        QwenExperts.RequireComputable(this, config);
        SlidingPattern.RequireNone(this, config, startsAbove: false);
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config));
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        table.AddHeadNorms(sizes);
        table.AddRouted(config);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        QwenExperts.Describe(this, config, metadata);
    }
}
