namespace ModelOps.Conversion;

/// <summary>gpt-oss: experts in MXFP4 with biases, attention sinks, every second layer with a window.</summary>
internal sealed class GptOss : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["GptOssForCausalLM"];

    public override string Name => "gpt-oss";

    public override string Defaults => """
        {
          "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64, "num_key_value_heads": 8,
          "head_dim": 64, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "sliding_window": 128, "tie_word_embeddings": false,
          "num_local_experts": 128, "num_experts_per_tok": 4, "rope_theta": 150000.0,
          "rope_scaling": { "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false, "original_max_position_embeddings": 4096 }
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var sizes = DecoderSizes.From(config);
        var (experts, hidden, width) = (config.Size("num_local_experts"), sizes.Hidden, sizes.FeedForward);
        var table = new TensorTable(Layers(config))
        {
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [hidden] },
            { "model.layers.*.self_attn.sinks", "blk.*.attn_sinks.weight", [sizes.Heads] },
            { "model.layers.*.mlp.router.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden] },
            { "model.layers.*.mlp.router.bias", "blk.*.ffn_gate_inp.bias", [experts] },
            { "model.layers.*.mlp.experts.down_proj.weight", "blk.*.ffn_down_exps.weight", [experts, hidden, width] },
            { "model.layers.*.mlp.experts.down_proj_bias", "blk.*.ffn_down_exps.bias", [experts, hidden] },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddAttention(sizes, needsBiases: true);
        AddHalf("gate", 0);
        AddHalf("up", 1);
        return table;

        // Gate and up are the even and the odd rows.
        void AddHalf(string name, int parity)
        {
            const string Experts = "model.layers.*.mlp.experts.gate_up_proj";
            table.Add(new TensorRule($"{Experts}.weight", $"blk.*.ffn_{name}_exps.weight", [experts, 2 * width, hidden]) { Order = row => (2 * row) + parity, View = [experts, width, hidden] });
            table.Add(new TensorRule($"{Experts}_bias", $"blk.*.ffn_{name}_exps.bias", [experts, 2 * width]) { Order = weight => (2 * weight) + parity, IsElementwise = true, View = [experts, width] });
        }
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("intermediate_size"));
    }

    /// <summary>Refuses what llama.cpp's gpt-oss would silently compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config)
    {
        const int Period = 2;
        if (SlidingPattern.Find(config, Layers(config), Period) != Period)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's gpt-oss has a window in every second layer, from the first on; the checkpoint has others (layer_types).");
        if (config.FindNumber("swiglu_limit") is not (null or 7))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's gpt-oss limits the experts' activations to 7, the checkpoint to {config.FindNumber("swiglu_limit")} (swiglu_limit).");
        if (config.FindNumber("swiglu_alpha", "alpha") is { } alpha && Math.Abs(alpha - 1.702) > 1e-6)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's gpt-oss has 1.702 in the experts' activation, the checkpoint {alpha} (swiglu_alpha).");
    }
}
