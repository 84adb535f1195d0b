namespace ModelOps.Conversion;

/// <summary>Mixtral: Mistral with experts for its feed-forward network.</summary>
internal sealed class Mixtral : Mistral
{
    public override IReadOnlyList<string> ClassNames => ["MixtralForCausalLM"];

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
          "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "tie_word_embeddings": false,
          "num_local_experts": 8, "num_experts_per_tok": 2
        }
        """;

    protected override void AddFeedForward(TensorTable table, DecoderSizes sizes, CheckpointConfig config)
    {
        var experts = config.Size("num_local_experts");
        table.Add("model.layers.*.block_sparse_moe.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, sizes.Hidden]);
        table.AddExperts(
            experts,
            ("model.layers.*.block_sparse_moe.experts.#.w1.weight", "blk.*.ffn_gate_exps.weight", [sizes.FeedForward, sizes.Hidden]),
            ("model.layers.*.block_sparse_moe.experts.#.w2.weight", "blk.*.ffn_down_exps.weight", [sizes.Hidden, sizes.FeedForward]),
            ("model.layers.*.block_sparse_moe.experts.#.w3.weight", "blk.*.ffn_up_exps.weight", [sizes.FeedForward, sizes.Hidden]));
    }
}
