namespace ModelOps.Conversion;

/// <summary>jina-embeddings-v2: BERT whose heads see near tokens better (ALiBi) instead of positions, with a gated feed-forward network.</summary>
internal sealed class JinaBert2 : Bert
{
    public override IReadOnlyList<string> ClassNames => ["JinaBertModel", "JinaBertForMaskedLM"];

    public override string Name => "jina-bert-v2";

    public override string Defaults => """
        {
          "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
          "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
          "feed_forward_type": "original"
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (width, feedForward) = (Width(config), config.Size(Keys.FeedForward));
        var table = new TensorTable(Layers(config))
        {
            { "embeddings.word_embeddings.weight", "token_embd.weight", [config.Size("vocab_size"), width] },
            { "embeddings.token_type_embeddings.weight", "token_types.weight", [config.Size("type_vocab_size"), width] },
            // The gate's rows, then those that it opens.
            { "encoder.layer.*.mlp.gated_layers.weight", "blk.*.ffn_up.weight", [2 * feedForward, width] },
        };
        table.AddLayerNorm("embeddings.LayerNorm", "token_embd_norm", width);
        AddAttention(table, width);
        table.AddLinear("encoder.layer.*.mlp.wo", "blk.*.ffn_down", width, feedForward);
        table.AddLayerNorm("encoder.layer.*.mlp.layernorm", "blk.*.layer_output_norm", width);
        return table;
    }

    protected override void RequireComputable(CheckpointConfig config)
    {
        RequireActivation(config, "hidden_act", "gelu");
        RequireOff(config, "is_decoder", "add_cross_attention");
        if (config.FindText("position_embedding_type") is var positions and not "alibi")
            throw Refusal(config, $"positions of type '{positions}'");
        if (config.FindText("feed_forward_type") is var network and not "geglu")
            throw Refusal(config, $"the feed-forward network '{network}'");
    }
}
