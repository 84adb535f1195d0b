namespace ModelOps.Conversion;

/// <summary>Granite 3's mixtures of experts, perhaps with a network beside them that all tokens pass.</summary>
internal class GraniteMoe : Granite
{
    public override IReadOnlyList<string> ClassNames => ["GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"];

    public override string Name => "granitemoe";

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "attention_multiplier": 1.0, "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "logits_scaling": 1.0,
          "num_local_experts": 8, "num_experts_per_tok": 2
        }
        """;

    protected override void AddFeedForward(TensorTable table, DecoderSizes sizes, CheckpointConfig config)
    {
        var (experts, width, hidden) = (config.Size("num_local_experts"), sizes.FeedForward, sizes.Hidden);
        const string From = "model.layers.*.block_sparse_moe";
        table.Add($"{From}.router.layer.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.Add(Half($"{From}.input_linear.weight", "blk.*.ffn_gate_exps.weight", [experts, 2 * width, hidden], 0));
        table.Add(Half($"{From}.input_linear.weight", "blk.*.ffn_up_exps.weight", [experts, 2 * width, hidden], width));
        table.Add($"{From}.output_linear.weight", "blk.*.ffn_down_exps.weight", [experts, hidden, width]);
        if (config.FindInteger("shared_intermediate_size") is not (null or 0))
            AddShared(table, config.Size("shared_intermediate_size"), hidden, "_shexp");
    }

    /// <summary>The network that all tokens pass, as what its tensors end with.</summary>
    protected static void AddShared(TensorTable table, long width, long hidden, string suffix)
    {
        const string From = "model.layers.*.shared_mlp";
        table.Add(Half($"{From}.input_linear.weight", $"blk.*.ffn_gate{suffix}.weight", [2 * width, hidden], 0));
        table.Add(Half($"{From}.input_linear.weight", $"blk.*.ffn_up{suffix}.weight", [2 * width, hidden], width));
        table.Add($"{From}.output_linear.weight", $"blk.*.ffn_down{suffix}.weight", [hidden, width]);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        if (config.FindCount("shared_intermediate_size") is { } shared and > 0)
            metadata.Set(Key("expert_shared_feed_forward_length"), shared);
    }

    /// <summary>Gate or up of a projection that has the one above the other, [.., 2 · width, hidden].</summary>
    private static TensorRule Half(string source, string target, long[] shape, long first)
    {
        var width = shape[^2] / 2;
        return new TensorRule(source, target, shape) { Order = RowOrders.PartOfBlocks(width, 2 * width, first), View = [.. shape[..^2], width, shape[^1]] };
    }
}
