using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>The experts of Qwen's mixtures, from 1.5 on.</summary>
internal static class QwenExperts
{
    /// <summary>The router and the experts of each layer, one by one or all in one tensor.</summary>
    public static void AddRouted(this TensorTable table, CheckpointConfig config, string from = "model.layers.*", string to = "blk.*")
    {
        var (experts, width, hidden) = (config.Size("num_experts"), config.Size("moe_intermediate_size"), config.Size("hidden_size"));
        table.Add($"{from}.mlp.gate.weight", $"{to}.ffn_gate_inp.weight", [experts, hidden]);
        table.AddGatedExperts(experts, width, hidden, from, to);
    }

    /// <summary>The expert that every token passes, and its gate.</summary>
    public static void AddShared(this TensorTable table, CheckpointConfig config, string from = "model.layers.*", string to = "blk.*")
    {
        var (width, hidden) = (config.Size("shared_expert_intermediate_size"), config.Size("hidden_size"));
        table.Add($"{from}.mlp.shared_expert.gate_proj.weight", $"{to}.ffn_gate_shexp.weight", [width, hidden]);
        table.Add($"{from}.mlp.shared_expert.up_proj.weight", $"{to}.ffn_up_shexp.weight", [width, hidden]);
        table.Add($"{from}.mlp.shared_expert.down_proj.weight", $"{to}.ffn_down_shexp.weight", [hidden, width]);
        table.Add($"{from}.mlp.shared_expert_gate.weight", $"{to}.ffn_gate_inp_shexp.weight", [1, hidden]);
    }

    /// <summary>The widths of the experts; null when there is no shared one.</summary>
    public static void Describe(Architecture architecture, CheckpointConfig config, GgufMetadata metadata)
    {
        metadata.Set(architecture.Key("expert_feed_forward_length"), (uint)config.Size("moe_intermediate_size"));
        if (config.FindCount("shared_expert_intermediate_size") is { } shared)
            metadata.Set(architecture.Key("expert_shared_feed_forward_length"), shared);
    }

    /// <summary>Refuses what llama.cpp cannot load or would silently compute otherwise.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <param name="config">config.json.</param>
    /// <param name="normalizes">Whether llama.cpp divides the chosen experts' weights by their sum.</param>
    public static void RequireComputable(Architecture architecture, CheckpointConfig config, bool normalizes = true)
    {
        var isDense = config.FindInteger("decoder_sparse_step") is not (null or 1) || (config.Find("mlp_only_layers") is { ValueKind: JsonValueKind.Array } layers && layers.GetArrayLength() > 0);
        if (isDense)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {architecture.Name} has experts in every layer, the checkpoint does not (decoder_sparse_step, mlp_only_layers).");
        if (config.FindBoolean("norm_topk_prob") is { } normalized && normalized != normalizes)
        {
            throw new ModelOpsException(
                ErrorKind.UnsupportedArchitecture,
                $"{config.Path}: llama.cpp's {architecture.Name} {(normalizes ? "normalises" : "does not normalise")} the experts' weights, the checkpoint {(normalizes ? "does not" : "does")} (norm_topk_prob).");
        }
    }
}
