namespace ModelOps.Conversion;

/// <summary>
/// DeepSeek V2: keys and values out of one narrow vector a token (multi-head latent attention), dense layers first, then experts beside
/// shared ones. The engine keeps the narrow vectors only, so the matrix that widens them is split in two, the keys' half transposed.
/// </summary>
internal class DeepSeekV2 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["DeepseekV2ForCausalLM"];

    public override string Name => "deepseek2";

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "moe_intermediate_size": 1407, "num_hidden_layers": 32, "num_attention_heads": 32,
          "n_shared_experts": 2, "n_routed_experts": 64, "routed_scaling_factor": 1.0, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64,
          "v_head_dim": 128, "qk_nope_head_dim": 128, "topk_method": "greedy", "first_k_dense_replace": 0, "norm_topk_prob": false,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "deepseek-llm" };

    public override bool Ignores(string source, CheckpointConfig config) => base.Ignores(source, config) || IsPrediction(source, config) || IsTiedHead(source, config);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        DeepSeekLimits.Require(config, Layers(config));
        var (sizes, latent, layers) = (DecoderSizes.From(config), LatentAttention.From(config), Layers(config));
        var dense = Math.Min(config.FindCount("first_k_dense_replace") ?? 0, layers);
        var table = new TensorTable(layers);
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        latent.AddTo(table);
        table.Of(TensorTable.LayersFrom(0, dense)).AddGatedFeedForward(sizes);
        AddExperts(table.Of(TensorTable.LayersFrom(dense, layers)), config, sizes.Hidden);
        return table;
    }

    /// <summary>The experts, their router, and those that every token sees.</summary>
    protected virtual void AddExperts(TensorTable table, CheckpointConfig config, long hidden)
    {
        var (experts, width) = (config.Size("n_routed_experts"), config.Size("moe_intermediate_size"));
        var shared = width * config.Size("n_shared_experts");
        table.Add("model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add("model.layers.*.mlp.shared_experts.gate_proj.weight", "blk.*.ffn_gate_shexp.weight", [shared, hidden]);
        table.Add("model.layers.*.mlp.shared_experts.up_proj.weight", "blk.*.ffn_up_shexp.weight", [shared, hidden]);
        table.Add("model.layers.*.mlp.shared_experts.down_proj.weight", "blk.*.ffn_down_shexp.weight", [hidden, shared]);
        table.AddGatedExperts(experts, width, hidden);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        var latent = LatentAttention.From(config);
        // To the engine there is one key and one value a token, which all heads share.
        metadata.Set(Key("attention.head_count_kv"), 1u);
        ExpertGroups.Describe(this, config, metadata);
        metadata.Set(Key("leading_dense_block_count"), config.FindCount("first_k_dense_replace") ?? 0);
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        // The engine wants the key unless it takes the model, by its number of layers, for one of those without; upstream leaves it out.
        if (latent.QueryRank is { } rank)
            metadata.Set(Key("attention.q_lora_rank"), (uint)rank);
        else if (!DeepSeekLimits.IsKnownLite(config, Layers(config)))
            metadata.Set(Key("attention.q_lora_rank"), 0u);
        metadata.Set(Key("attention.kv_lora_rank"), (uint)latent.Rank);
        metadata.Set(Key("attention.key_length"), (uint)(latent.Rank + latent.Rotated));
        metadata.Set(Key("attention.value_length"), (uint)latent.Rank);
        metadata.Set(Key("attention.key_length_mla"), (uint)(latent.Unrotated + latent.Rotated));
        metadata.Set(Key("attention.value_length_mla"), (uint)latent.Value);
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
        metadata.Set(Key("expert_shared_count"), (uint)config.Size("n_shared_experts"));
        if (config.FindNumber("routed_scaling_factor") is { } scale)
            metadata.Set(Key("expert_weights_scale"), (float)scale);
        if (config.FindBoolean("norm_topk_prob") is true)
            metadata.Set(Key("expert_weights_norm"), true);
        metadata.Set(Key("rope.dimension_count"), (uint)latent.Rotated);
        // A tenth of it, for reasons of history that the engine knows of.
        if (RopeParameters.From(config).Find("mscale_all_dim") is { } mscale)
            metadata.Set(Key("rope.scaling.yarn_log_multiplier"), (float)(0.1 * mscale));
    }

    /// <summary>Whether a tensor is of the layers after the last, which only guess further tokens ahead; the engine has none here.</summary>
    private bool IsPrediction(string source, CheckpointConfig config)
    {
        const string Layer = "model.layers.";
        var name = Normalize(source);
        if (!name.StartsWith(Layer, StringComparison.Ordinal) || !long.TryParse(name.AsSpan(Layer.Length, Math.Max(0, name.IndexOf('.', Layer.Length) - Layer.Length)), out var layer))
            return false;
        // One, unless config.json says: the library does not know the key.
        var (layers, predicting) = (Layers(config), config.FindCount("num_nextn_predict_layers") ?? 1);
        return layer >= layers && layer < layers + predicting;
    }

    private bool IsTiedHead(string source, CheckpointConfig config) => config.FindBoolean("tie_word_embeddings") is true && Normalize(source) is "lm_head.weight" or "model.lm_head.weight";
}
