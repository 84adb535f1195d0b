namespace ModelOps.Conversion;

/// <summary>DeepSeek V3 and R1, Kimi K2, Moonlight: V2 with experts scored by sigmoids and chosen with a correction that keeps them evenly busy.</summary>
internal sealed class DeepSeekV3 : DeepSeekV2
{
    public override IReadOnlyList<string> ClassNames => ["DeepseekV3ForCausalLM"];

    public override string Defaults => """
        {
          "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61, "num_attention_heads": 128,
          "n_shared_experts": 1, "n_routed_experts": 256, "num_experts_per_tok": 8, "routed_scaling_factor": 2.5, "kv_lora_rank": 512, "q_lora_rank": 1536,
          "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "n_group": 8, "topk_group": 4, "topk_method": "noaux_tc", "scoring_func": "sigmoid",
          "first_k_dense_replace": 3, "norm_topk_prob": true,
          "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "deepseek-v3" };

    protected override void AddExperts(TensorTable table, CheckpointConfig config, long hidden)
    {
        base.AddExperts(table, config, hidden);
        table.Add("model.layers.*.mlp.gate.e_score_correction_bias", "blk.*.exp_probs_b.bias", [config.Size("n_routed_experts")]);
    }
}
