namespace ModelOps.Conversion;

/// <summary>LFM2 with experts after the first, dense layers; scored by sigmoids and chosen with a correction.</summary>
internal sealed class Lfm2Moe : Lfm2
{
    public override IReadOnlyList<string> ClassNames => ["Lfm2MoeForCausalLM"];

    public override string Name => "lfm2moe";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.EqualLogits;

    public override string Defaults => """
        {
          "vocab_size": 65536, "hidden_size": 2048, "intermediate_size": 7168, "moe_intermediate_size": 1792, "num_hidden_layers": 32, "num_attention_heads": 32,
          "num_key_value_heads": 8, "max_position_embeddings": 128000, "norm_eps": 1e-5, "rope_theta": 1000000.0, "tie_word_embeddings": true, "conv_bias": false,
          "conv_L_cache": 3, "num_dense_layers": 2, "num_experts_per_tok": 4, "num_experts": 32, "use_expert_bias": true, "routed_scaling_factor": 1.0,
          "norm_topk_prob": true
        }
        """;

    protected override long Width(CheckpointConfig config) => config.Size("intermediate_size");

    protected override void AddFeedForward(TensorTable table, CheckpointConfig config, long hidden)
    {
        RequireComputable(config);
        var (layers, experts, width) = (Layers(config), config.Size("num_experts"), config.Size("moe_intermediate_size"));
        var dense = Math.Min(config.FindCount("num_dense_layers") ?? 0, layers);
        AddDense(table.Of(TensorTable.LayersFrom(0, dense)), Width(config), hidden);
        var sparse = table.Of(TensorTable.LayersFrom(dense, layers));
        sparse.Add("model.layers.*.feed_forward.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        sparse.Add("model.layers.*.feed_forward.expert_bias", "blk.*.exp_probs_b.bias", [experts]);
        sparse.AddExperts(
            experts,
            ("model.layers.*.feed_forward.experts.#.w1.weight", "blk.*.ffn_gate_exps.weight", [width, hidden]),
            ("model.layers.*.feed_forward.experts.#.w2.weight", "blk.*.ffn_down_exps.weight", [hidden, width]),
            ("model.layers.*.feed_forward.experts.#.w3.weight", "blk.*.ffn_up_exps.weight", [width, hidden]));
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
        metadata.Set(Key("leading_dense_block_count"), config.FindCount("num_dense_layers") ?? 0);
        metadata.Set(Key("expert_gating_func"), (uint)ExpertGating.Sigmoid);
    }

    /// <summary>Refuses what llama.cpp's LFM2 MoE cannot load or would silently compute otherwise.</summary>
    private static void RequireComputable(CheckpointConfig config)
    {
        if (config.FindBoolean("norm_topk_prob") is false || config.FindNumber("routed_scaling_factor") is not 1 || config.FindBoolean("use_expert_bias") is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's LFM2 MoE chooses experts with a correction, normalises their weights and does not scale them, the checkpoint otherwise (use_expert_bias, norm_topk_prob, routed_scaling_factor).");
    }
}
