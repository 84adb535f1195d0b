namespace ModelOps.Conversion;

/// <summary>Nemotron 3: Nemotron-H with experts, routed as DeepSeek V3's, perhaps in a narrower space, beside a shared one.</summary>
internal sealed class NemotronHMoe : NemotronH
{
    public override string Name => "nemotron_h_moe";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.EqualLogits;

    public override string Defaults => """
        {
          "vocab_size": 131072, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 21504,
          "max_position_embeddings": 4096, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": false, "mlp_hidden_act": "relu2",
          "mamba_num_heads": 128, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4,
          "n_routed_experts": 8, "n_shared_experts": 1, "moe_intermediate_size": 7688, "moe_shared_expert_intermediate_size": 7688, "num_experts_per_tok": 2,
          "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "norm_topk_prob": true
        }
        """;

    protected override char FeedForward => Experts;

    protected override long Width(CheckpointConfig config) => config.Size("moe_intermediate_size");

    protected override void AddFeedForward(TensorTable table, DecoderSizes sizes, CheckpointConfig config)
    {
        ExpertGroups.RequireComputable(config);
        var (experts, width, shared, hidden) = (config.Size("n_routed_experts"), config.Size("moe_intermediate_size"), config.Size("moe_shared_expert_intermediate_size"), sizes.Hidden);
        // The experts' own width, where it is narrower than the stream.
        var latent = config.Find("moe_latent_size") is null ? hidden : config.Size("moe_latent_size");
        table.Add("backbone.layers.*.mixer.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add("backbone.layers.*.mixer.gate.e_score_correction_bias", "blk.*.exp_probs_b.bias", [experts]);
        table.Add("backbone.layers.*.mixer.shared_experts.up_proj.weight", "blk.*.ffn_up_shexp.weight", [shared, hidden]);
        table.Add("backbone.layers.*.mixer.shared_experts.down_proj.weight", "blk.*.ffn_down_shexp.weight", [hidden, shared]);
        if (config.Find("moe_latent_size") is not null)
        {
            table.Add("backbone.layers.*.mixer.fc1_latent_proj.weight", "blk.*.ffn_latent_down.weight", [latent, hidden]);
            table.Add("backbone.layers.*.mixer.fc2_latent_proj.weight", "blk.*.ffn_latent_up.weight", [hidden, latent]);
        }
        table.AddExperts(
            experts,
            ("backbone.layers.*.mixer.experts.#.down_proj.weight", "blk.*.ffn_down_exps.weight", [latent, width]),
            ("backbone.layers.*.mixer.experts.#.up_proj.weight", "blk.*.ffn_up_exps.weight", [width, latent]));
        table.Add("backbone.layers.*.mixer.experts.down_proj", "blk.*.ffn_down_exps.weight", [experts, latent, width], optional: true);
        table.Add("backbone.layers.*.mixer.experts.up_proj", "blk.*.ffn_up_exps.weight", [experts, width, latent], optional: true);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
        metadata.Set(Key("expert_shared_feed_forward_length"), (uint)config.Size("moe_shared_expert_intermediate_size"));
        metadata.Set(Key("expert_count"), (uint)config.Size("n_routed_experts"));
        metadata.Set(Key("expert_shared_count"), (uint)config.Size("n_shared_experts"));
        metadata.Set(Key("expert_weights_norm"), config.FindBoolean("norm_topk_prob") ?? true);
        metadata.Set(Key("expert_weights_scale"), (float)(config.FindNumber("routed_scaling_factor") ?? 1));
        ExpertGroups.Describe(this, config, metadata);
        if (config.Find("moe_latent_size") is not null)
            metadata.Set(Key("moe_latent_size"), (uint)config.Size("moe_latent_size"));
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata) => Vocabulary.Read(files, config, Tokenizer).Write(files, config, Tokenizer, metadata);
}
