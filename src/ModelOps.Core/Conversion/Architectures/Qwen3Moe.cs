using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>Qwen 3's mixtures of experts: every layer has them.</summary>
internal sealed class Qwen3Moe : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Qwen3MoeForCausalLM"];

    public override string Name => "qwen3moe";

    public override string Defaults => """
        {
          "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 4,
          "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
          "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "decoder_sparse_step": 1
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var sizes = DecoderSizes.From(config);
        var (experts, width, hidden) = (config.Size("num_experts"), config.Size("moe_intermediate_size"), sizes.Hidden);
        var table = new TensorTable(Layers(config))
        {
            { "model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight", [experts, hidden] },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes);
        table.AddHeadNorms(sizes);
        table.AddExperts(
            experts,
            ("model.layers.*.mlp.experts.#.down_proj.weight", "blk.*.ffn_down_exps.weight", [hidden, width]),
            ("model.layers.*.mlp.experts.#.gate_proj.weight", "blk.*.ffn_gate_exps.weight", [width, hidden]),
            ("model.layers.*.mlp.experts.#.up_proj.weight", "blk.*.ffn_up_exps.weight", [width, hidden]));
        table.AddFusedExperts(experts, width, hidden);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
    }

    /// <summary>Refuses what llama.cpp's Qwen 3 MoE cannot load or would silently compute otherwise.</summary>
    private static void RequireComputable(CheckpointConfig config)
    {
        var isDense = config.Size("decoder_sparse_step") != 1 || (config.Find("mlp_only_layers") is { ValueKind: JsonValueKind.Array } layers && layers.GetArrayLength() > 0);
        if (isDense)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Qwen 3 MoE has experts in every layer, the checkpoint does not (decoder_sparse_step, mlp_only_layers).");
        if (config.FindBoolean("norm_topk_prob") is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Qwen 3 MoE normalises the experts' weights, the checkpoint does not (norm_topk_prob).");
    }
}
