namespace ModelOps.Conversion;

/// <summary>The language model of Qwen3-VL's mixtures of experts. Those of a layer are saved together, with input before output.</summary>
internal sealed class Qwen3VlMoe : Qwen3Vl
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3VLMoeForConditionalGeneration"];

    public override string Name => "qwen3vlmoe";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
          "max_position_embeddings": 128000, "rms_norm_eps": 1e-6, "rope_theta": 5000000.0, "attention_bias": false,
          "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408, "decoder_sparse_step": 1, "norm_topk_prob": true
        }
        """;

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        QwenExperts.Describe(this, config, metadata);
    }

    protected override bool IsTied => true;

    protected override void AddFeedForward(TensorTable table, CheckpointConfig config)
    {
        QwenExperts.RequireComputable(this, config);
        var (experts, width, hidden) = (config.Size("num_experts"), config.Size("moe_intermediate_size"), config.Size("hidden_size"));
        table.Add("model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden]);
        table.AddExpertsOneByOne(experts, width, hidden);
        table.Add(new TensorRule("model.layers.*.mlp.experts.down_proj", "blk.*.ffn_down_exps.weight", [experts, width, hidden]) { Transposed = new ColumnRange(0, hidden), Optional = true });
        AddHalf("gate", 0);
        AddHalf("up", width);

        void AddHalf(string name, long first)
            => table.Add(new TensorRule("model.layers.*.mlp.experts.gate_up_proj", $"blk.*.ffn_{name}_exps.weight", [experts, hidden, 2 * width]) { Transposed = new ColumnRange(first, width), Optional = true });
    }
}
