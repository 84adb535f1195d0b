namespace ModelOps.Conversion;

/// <summary>GLM-4 (0414): four norms a layer, gate and up projections in one, half of each head rotated.</summary>
internal sealed class Glm4 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Glm4ForCausalLM"];

    public override string Name => "glm4";

    public override string Defaults => """
        {
          "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 2,
          "head_dim": 128, "partial_rotary_factor": 0.5, "max_position_embeddings": 131072, "rms_norm_eps": 1.5625e-7, "rope_theta": 10000.0,
          "tie_word_embeddings": false, "attention_bias": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new()
    {
        PreTokenizer = "glm4",
        SpecialTokens = [("eos", "<|endoftext|>"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("bos", "<|endoftext|>")],
    };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config))
        {
            { "model.layers.*.post_self_attn_layernorm.weight", "blk.*.post_attention_norm.weight", [sizes.Hidden] },
            { "model.layers.*.post_mlp_layernorm.weight", "blk.*.post_ffw_norm.weight", [sizes.Hidden] },
            { "model.layers.*.mlp.gate_up_proj.weight", "blk.*.ffn_up.weight", [2 * sizes.FeedForward, sizes.Hidden] },
            { "model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward] },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes, needsBiases: config.FindBoolean("attention_bias") ?? false);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        // Those of GLM-4V, whose queries and keys would need another order.
        if (RopeParameters.From(config).FindNumbers("mrope_section") is not null)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: GLM-4 with positions in time, height and width (mrope_section) cannot be converted.");
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("rope.dimension_count"), (uint)(DecoderSizes.From(config).HeadLength * (RopeParameters.From(config).PartialFactor ?? 0.5)));
    }
}
