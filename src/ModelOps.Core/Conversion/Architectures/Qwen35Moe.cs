namespace ModelOps.Conversion;

/// <summary>Qwen 3.5's and 3.6's mixtures of experts: every layer has them, and one that every token passes.</summary>
internal sealed class Qwen35Moe(int predictionLayers = 0) : Qwen35(predictionLayers)
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3_5MoeForConditionalGeneration", "Qwen3_5MoeForCausalLM"];

    public override string Name => "qwen35moe";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 248320, "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 16, "num_key_value_heads": 2,
          "head_dim": 256, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "partial_rotary_factor": 0.25,
          "tie_word_embeddings": false, "attention_bias": false,
          "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
          "num_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512
        }
        """;

    protected override QwenHybrid With(int predictionLayers) => new Qwen35Moe(predictionLayers);

    protected override void AddFeedForward(TensorTable table, CheckpointConfig config, string from, string to)
    {
        table.AddRouted(config, from, to);
        table.AddShared(config, from, to);
    }

    protected override void DescribeExperts(CheckpointConfig config, GgufMetadata metadata) => QwenExperts.Describe(this, config, metadata);
}
