namespace ModelOps.Conversion;

/// <summary>OLMoE: experts in every layer, norms over all heads' queries and keys at once.</summary>
internal sealed class Olmoe : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["OlmoeForCausalLM"];

    public override string Name => "olmoe";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override string Defaults => """
        {
          "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
          "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "num_experts": 64, "num_experts_per_tok": 8, "norm_topk_prob": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "olmo" };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        RequireComputable(config, sizes);
        var table = new TensorTable(Layers(config));
        var tied = config.FindBoolean("tie_word_embeddings") ?? false;
        table.AddEnds(sizes, tied);
        // llama.cpp wants a head of its own here, be it the embedding once more.
        if (tied)
            table.Add("model.embed_tokens.weight", "output.weight", [sizes.Vocabulary, sizes.Hidden]);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        table.Add("model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight", [sizes.Query]);
        table.Add("model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight", [sizes.KeyValue]);
        var experts = config.Size("num_experts");
        table.Add("model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, sizes.Hidden]);
        table.AddGatedExperts(experts, sizes.FeedForward, sizes.Hidden);
        return table;
    }

    /// <summary>Refuses what llama.cpp's OLMoE would compute otherwise, or cannot load.</summary>
    private static void RequireComputable(CheckpointConfig config, DecoderSizes sizes)
    {
        Require(config.Find("clip_qkv") is null, "queries, keys and values that are not clipped (clip_qkv)");
        Require(config.FindBoolean("norm_topk_prob") is not true, "experts' weights that are not normalised (norm_topk_prob)");
        Require(config.FindBoolean("attention_bias") is not true, "no biases in attention (attention_bias)");
        Require(sizes.KeyValue == sizes.Hidden && sizes.Query == sizes.Hidden, "as many key and value heads as query heads, as wide together as the model (num_key_value_heads)");

        void Require(bool holds, string needed)
        {
            if (!holds)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's OLMoE needs {needed}.");
        }
    }
}
