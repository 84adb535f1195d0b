namespace ModelOps.Conversion;

/// <summary>
/// Where the engine multiplies with the number beside NVFP4 blocks. It loads such numbers for every architecture, but not every graph uses
/// them (llama.cpp src/models), and where it does not, blocks without them are other weights.
/// </summary>
internal static class EngineScales
{
    private static readonly string[] Attention =
    [
        "llama", "llama4", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "qwen3next", "qwen35", "qwen35moe", "gemma2", "gemma3", "gemma4", "phi3", "smollm3", "granite",
        "starcoder2", "glm4", "cohere2", "lfm2", "gpt-oss", "nemotron_h",
    ];

    private static readonly string[] FeedForward = ["llama", "llama4", "qwen3", "qwen35", "gemma4", "granite", "cohere2", "nemotron_h"];

    private static readonly string[] Experts = ["llama", "qwen3moe", "qwen3next", "qwen35moe", "gemma4", "nemotron_h"];

    /// <param name="architecture">GGUF architecture; null for what is no language model.</param>
    /// <param name="target">Name of the weights in the GGUF.</param>
    public static bool Apply(string? architecture, string target)
    {
        if (architecture is null || target.Split('.') is not ["blk", _, var kind, "weight"])
            return false;
        var architectures = kind switch
        {
            "attn_q" or "attn_k" or "attn_v" or "attn_qkv" or "attn_output" => Attention,
            "ffn_gate" or "ffn_up" or "ffn_down" => FeedForward,
            "ffn_gate_exps" or "ffn_up_exps" or "ffn_down_exps" => Experts,
            _ => [],
        };
        return architectures.Contains(architecture, StringComparer.Ordinal);
    }
}
