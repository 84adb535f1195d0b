namespace ModelOps.Conversion;

/// <summary>Qwen3-Next: linear attention whose four projections are one tensor, and experts in every layer.</summary>
internal sealed class Qwen3Next(int predictionLayers = 0) : QwenHybrid(predictionLayers)
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3NextForCausalLM"];

    public override string Name => "qwen3next";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 2,
          "head_dim": 256, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "partial_rotary_factor": 0.25,
          "tie_word_embeddings": false, "attention_bias": false,
          "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
          "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "decoder_sparse_step": 1, "norm_topk_prob": true
        }
        """;

    protected override QwenHybrid With(int predictionLayers) => new Qwen3Next(predictionLayers);

    protected override void AddLinearAttention(TensorTable table, GatedDeltaNet sizes, string from, string to)
    {
        // Of each key head the query, the key, and the values and gates of its value heads; ggml wants each kind by itself.
        var (values, block) = (sizes.Ratio * sizes.HeadLength, 2 * (sizes.HeadLength + (sizes.Ratio * sizes.HeadLength)));
        var (source, shape) = ($"{from}.linear_attn.in_proj_qkvz.weight", new[] { sizes.KeyHeads * block, sizes.Hidden });
        var query = RowOrders.PartOfBlocks(sizes.HeadLength, block, 0);
        var key = RowOrders.PartOfBlocks(sizes.HeadLength, block, sizes.HeadLength);
        var value = RowOrders.PartOfBlocks(values, block, 2 * sizes.HeadLength);
        table.Add(new TensorRule(source, $"{to}.attn_qkv.weight", shape)
        {
            Order = row => row < sizes.Keys ? query(row) : row < 2 * sizes.Keys ? key(row - sizes.Keys) : value(row - (2 * sizes.Keys)),
            View = [sizes.Convolved, sizes.Hidden],
        });
        table.Add(new TensorRule(source, $"{to}.attn_gate.weight", shape)
        {
            Order = RowOrders.PartOfBlocks(values, block, (2 * sizes.HeadLength) + values),
            View = [sizes.Values, sizes.Hidden],
        });
        table.Add($"{from}.linear_attn.in_proj_ba.weight", $"{to}.ssm_ba.weight", [2 * sizes.ValueHeads, sizes.Hidden]);
        sizes.Add(table, from, to, isTiled: false);
    }

    protected override void AddFeedForward(TensorTable table, CheckpointConfig config, string from, string to)
    {
        table.AddRouted(config, from, to);
        table.AddShared(config, from, to);
    }

    protected override void DescribeExperts(CheckpointConfig config, GgufMetadata metadata) => QwenExperts.Describe(this, config, metadata);

    protected override void RequireComputable(CheckpointConfig config)
    {
        base.RequireComputable(config);
        QwenExperts.RequireComputable(this, config);
    }
}
