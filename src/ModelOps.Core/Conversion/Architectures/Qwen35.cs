namespace ModelOps.Conversion;

/// <summary>Qwen 3.5 and 3.6, text-only or inside the multimodal checkpoint: linear attention of four tensors, value heads tiled.</summary>
internal class Qwen35(int predictionLayers = 0) : QwenHybrid(predictionLayers)
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3_5ForConditionalGeneration", "Qwen3_5ForCausalLM"];

    public override string Name => "qwen35";

    public override string Defaults => """
        {
          "vocab_size": 248320, "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 32, "num_attention_heads": 16, "num_key_value_heads": 4,
          "head_dim": 256, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "partial_rotary_factor": 0.25,
          "tie_word_embeddings": false, "attention_bias": false,
          "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32
        }
        """;

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        RopeSections.Complete(this, DecoderSizes.From(config, feedForward: 0).HeadLength, Rotated(config), metadata, [11, 11, 10]);
    }

    protected override QwenHybrid With(int predictionLayers) => new Qwen35(predictionLayers);

    protected override void AddLinearAttention(TensorTable table, GatedDeltaNet sizes, string from, string to)
    {
        // ggml goes round the key heads as it walks the value heads; the library stays with one until its value heads are done.
        var heads = RowOrders.Tiled(sizes.KeyHeads, sizes.Ratio, 1);
        table.Add($"{from}.linear_attn.in_proj_qkv.weight", $"{to}.attn_qkv.weight", [sizes.Convolved, sizes.Hidden], RowOrders.Tiled(sizes.KeyHeads, sizes.Ratio, sizes.HeadLength, first: 2 * sizes.Keys));
        table.Add($"{from}.linear_attn.in_proj_z.weight", $"{to}.attn_gate.weight", [sizes.Values, sizes.Hidden], RowOrders.Tiled(sizes.KeyHeads, sizes.Ratio, sizes.HeadLength));
        table.Add($"{from}.linear_attn.in_proj_a.weight", $"{to}.ssm_alpha.weight", [sizes.ValueHeads, sizes.Hidden], heads);
        table.Add($"{from}.linear_attn.in_proj_b.weight", $"{to}.ssm_beta.weight", [sizes.ValueHeads, sizes.Hidden], heads);
        sizes.Add(table, from, to, isTiled: true);
    }

    protected override void AddFeedForward(TensorTable table, CheckpointConfig config, string from, string to)
    {
        var (hidden, width) = (config.Size("hidden_size"), config.Size("intermediate_size"));
        table.Add($"{from}.mlp.gate_proj.weight", $"{to}.ffn_gate.weight", [width, hidden]);
        table.Add($"{from}.mlp.up_proj.weight", $"{to}.ffn_up.weight", [width, hidden]);
        table.Add($"{from}.mlp.down_proj.weight", $"{to}.ffn_down.weight", [hidden, width]);
    }
}
