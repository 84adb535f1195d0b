namespace ModelOps.Conversion;

/// <summary>Qwen 1.5's and 2's mixtures of experts: biases for query, key and value, experts in every layer, and one that every token passes.</summary>
internal sealed class Qwen2Moe : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen2MoeForCausalLM"];

    public override string Name => "qwen2moe";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false, "qkv_bias": true,
          "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "decoder_sparse_step": 1,
          "norm_topk_prob": false, "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        QwenExperts.RequireComputable(this, config, normalizes: false);
        SlidingPattern.RequireNone(this, config, startsAbove: false);
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config));
        var tied = config.FindBoolean("tie_word_embeddings") ?? false;
        table.AddEnds(sizes, tied);
        // llama.cpp wants a head of its own here, be it the embedding once more.
        if (tied)
            table.Add("model.embed_tokens.weight", "output.weight", [sizes.Vocabulary, sizes.Hidden]);
        table.AddNorms(sizes);
        table.AddAttention(sizes, needsBiases: config.FindBoolean("qkv_bias") ?? true);
        table.AddRouted(config);
        table.AddShared(config);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        QwenExperts.Describe(this, config, metadata);
    }
}
