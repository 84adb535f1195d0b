namespace ModelOps.Conversion;

/// <summary>StarCoder 2: layer norms with biases, an ungated feed-forward network, biases everywhere.</summary>
internal sealed class StarCoder2 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Starcoder2ForCausalLM"];

    public override string Name => "starcoder2";

    public override Activation? Activation => Activation.TanhGelu("hidden_act");

    public override string Defaults => """
        {
          "vocab_size": 49152, "hidden_size": 3072, "intermediate_size": 12288, "num_hidden_layers": 30, "num_attention_heads": 24, "num_key_value_heads": 2,
          "max_position_embeddings": 4096, "norm_epsilon": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "use_bias": true
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "starcoder" };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var hasBiases = config.FindBoolean("use_bias") ?? true;
        var table = new TensorTable(Layers(config))
        {
            { "model.norm.bias", "output_norm.bias", [sizes.Hidden] },
            { "model.layers.*.input_layernorm.bias", "blk.*.attn_norm.bias", [sizes.Hidden] },
            { "model.layers.*.post_attention_layernorm.bias", "blk.*.ffn_norm.bias", [sizes.Hidden] },
            { "model.layers.*.mlp.c_fc.weight", "blk.*.ffn_up.weight", [sizes.FeedForward, sizes.Hidden] },
            { "model.layers.*.mlp.c_fc.bias", "blk.*.ffn_up.bias", [sizes.FeedForward], null, 0, !hasBiases },
            { "model.layers.*.mlp.c_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward] },
            { "model.layers.*.mlp.c_proj.bias", "blk.*.ffn_down.bias", [sizes.Hidden], null, 0, !hasBiases },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? true);
        table.AddNorms(sizes);
        table.AddAttention(sizes, needsBiases: hasBiases);
        return table;
    }
}
