using System.Globalization;

namespace ModelOps.Conversion;

/// <summary>
/// GLM-4.5 to 4.7: half of each head rotated, dense layers first, then experts scored by sigmoids beside shared ones, and perhaps layers that
/// predict further tokens, which the file holds and the engine does not run.
/// </summary>
/// <param name="predictionLayers">Layers for multi-token prediction. Weights say, not config.json: they are lost when a model is tuned.</param>
internal sealed class Glm4Moe(int predictionLayers) : Architecture
{
    public Glm4Moe()
        : this(0)
    {
    }

    public override IReadOnlyList<string> ClassNames => ["Glm4MoeForCausalLM"];

    public override string Name => "glm4moe";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 10944, "num_hidden_layers": 46, "num_attention_heads": 96, "num_key_value_heads": 8,
          "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "tie_word_embeddings": false,
          "attention_bias": false, "moe_intermediate_size": 1408, "num_experts_per_tok": 8, "n_shared_experts": 1, "n_routed_experts": 128,
          "routed_scaling_factor": 1.0, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "norm_topk_prob": true, "use_qk_norm": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new()
    {
        PreTokenizer = "glm4",
        SpecialTokens = [("bos", "[gMASK]"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("eom", "<|observation|>")],
    };

    public override Architecture Refine(Checkpoint checkpoint)
    {
        var config = Complete(checkpoint.Config);
        var first = string.Create(CultureInfo.InvariantCulture, $"model.layers.{Layers(config)}.");
        if (!checkpoint.Tensors.Any(tensor => Normalize(tensor.Name).StartsWith(first, StringComparison.Ordinal)))
            return this;
        return new Glm4Moe(config.FindInteger("num_nextn_predict_layers", "num_mtp_layers") is { } count ? (int)Math.Clamp(count, 0, 8) : 1);
    }

    public override TensorTable Tensors(CheckpointConfig config)
    {
        ExpertGroups.RequireComputable(config);
        var (sizes, layers) = (DecoderSizes.From(config), Layers(config));
        var all = layers + predictionLayers;
        var dense = Math.Min(config.FindCount("first_k_dense_replace") ?? 0, layers);
        var table = new TensorTable(all);
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.Add("model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden]);
        table.Add("model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [sizes.Hidden]);
        table.AddAttention(sizes, needsBiases: config.FindBoolean("attention_bias") ?? false);
        if (config.FindBoolean("use_qk_norm") is true)
            table.AddHeadNorms(sizes);
        table.Of(TensorTable.LayersFrom(0, dense)).AddGatedFeedForward(sizes);
        AddExperts(table.Of(TensorTable.LayersFrom(dense, all)), config, sizes.Hidden);
        AddPrediction(table.Of(TensorTable.LayersFrom(layers, all)), sizes);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("block_count"), (uint)(Layers(config) + predictionLayers));
        ExpertGroups.Describe(this, config, metadata);
        metadata.Set(Key("rope.dimension_count"), (uint)(DecoderSizes.From(config).HeadLength * (RopeParameters.From(config).PartialFactor ?? 0.5)));
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
        metadata.Set(Key("expert_shared_count"), (uint)config.Size("n_shared_experts"));
        metadata.Set(Key("leading_dense_block_count"), config.FindCount("first_k_dense_replace") ?? 0);
        metadata.Set(Key("expert_gating_func"), (uint)ExpertGating.Sigmoid);
        metadata.Set(Key("expert_weights_scale"), (float)config.FindNumber("routed_scaling_factor")!.Value);
        metadata.Set(Key("expert_weights_norm"), config.FindBoolean("norm_topk_prob") ?? true);
        if (predictionLayers > 0)
            metadata.Set(Key("nextn_predict_layers"), (uint)predictionLayers);
    }

    private static void AddExperts(TensorTable table, CheckpointConfig config, long hidden)
    {
        var (experts, width) = (config.Size("n_routed_experts"), config.Size("moe_intermediate_size"));
        var shared = width * config.Size("n_shared_experts");
        table.Add("model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add("model.layers.*.mlp.gate.e_score_correction_bias", "blk.*.exp_probs_b.bias", [experts]);
        table.Add("model.layers.*.mlp.shared_experts.gate_proj.weight", "blk.*.ffn_gate_shexp.weight", [shared, hidden]);
        table.Add("model.layers.*.mlp.shared_experts.up_proj.weight", "blk.*.ffn_up_shexp.weight", [shared, hidden]);
        table.Add("model.layers.*.mlp.shared_experts.down_proj.weight", "blk.*.ffn_down_shexp.weight", [hidden, shared]);
        table.AddGatedExperts(experts, width, hidden);
    }

    /// <summary>What a layer that predicts has besides a layer's own; its ends may be those of the model.</summary>
    private static void AddPrediction(TensorTable table, DecoderSizes sizes)
    {
        table.Add("model.layers.*.eh_proj.weight", "blk.*.nextn.eh_proj.weight", [sizes.Hidden, 2 * sizes.Hidden]);
        table.Add("model.layers.*.enorm.weight", "blk.*.nextn.enorm.weight", [sizes.Hidden]);
        table.Add("model.layers.*.hnorm.weight", "blk.*.nextn.hnorm.weight", [sizes.Hidden]);
        table.Add("model.layers.*.embed_tokens.weight", "blk.*.nextn.embed_tokens.weight", [sizes.Vocabulary, sizes.Hidden], optional: true);
        table.Add("model.layers.*.shared_head.head.weight", "blk.*.nextn.shared_head_head.weight", [sizes.Vocabulary, sizes.Hidden], optional: true);
        table.Add("model.layers.*.shared_head.norm.weight", "blk.*.nextn.shared_head_norm.weight", [sizes.Hidden], optional: true);
    }
}
