namespace ModelOps.Conversion;

/// <summary>OLMo 2: norms after attention and feed-forward, and over all heads' queries and keys at once.</summary>
internal class Olmo2 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Olmo2ForCausalLM"];

    public override string Name => "olmo2";

    public override string Defaults => """
        {
          "vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config))
        {
            { "model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight", [sizes.Query] },
            { "model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight", [sizes.KeyValue] },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [sizes.Hidden] },
            { "model.layers.*.post_feedforward_layernorm.weight", "blk.*.post_ffw_norm.weight", [sizes.Hidden] },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddAttention(sizes);
        table.AddGatedFeedForward(sizes);
        return table;
    }
}
