namespace ModelOps.Tests.Fit;

/// <summary>
/// DeepSeek: latent attention that caches compressed keys only. Sizes: config.json of deepseek-ai/DeepSeek-V2-Lite and DeepSeek-V3, the
/// latter without its prediction layer, as the converter leaves it out.
/// </summary>
internal static class DeepSeekShapes
{
    private const int Rank = 512, Rope = 64, Nope = 128, Value = 128;

    private sealed record Sizes(GgmlType Type, int Layers, int Embedding, int Heads, int QueryRank, int FeedForward, int Vocabulary, int DenseLayers, int Experts, int Used, int Length, int Shared);

    public static HeaderBuilder V2Lite() => Build(new(GgmlType.Q8_0, 27, 2048, 16, 0, 10944, 102400, 1, 64, 6, 1408, 2));

    public static HeaderBuilder V3()
    {
        var sizes = new Sizes(GgmlType.Q4_K, 61, 7168, 128, 1536, 18432, 129280, 3, 256, 8, 2048, 1);
        var header = Build(sizes).Set("expert_group_count", 8).Set("expert_group_used_count", 4).Set("expert_gating_func", 2);
        for (var layer = sizes.DenseLayers; layer < sizes.Layers; layer++)
        {
            header.Norm(layer, "exp_probs_b.bias", sizes.Experts);
        }
        return header;
    }

    private static HeaderBuilder Build(Sizes sizes)
    {
        var header = new HeaderBuilder("deepseek2", sizes.Type)
            .Common(sizes.Layers, sizes.Embedding, sizes.Heads, sizes.FeedForward, sizes.Vocabulary, 163840, tied: false)
            .Mixture(sizes.Experts, sizes.Used, sizes.Length)
            .Set("attention.head_count_kv", 1)
            .Set("attention.kv_lora_rank", Rank)
            .Set("attention.key_length", Rank + Rope).Set("attention.value_length", Rank)
            .Set("attention.key_length_mla", Nope + Rope).Set("attention.value_length_mla", Value)
            .Set("rope.dimension_count", Rope)
            .Set("leading_dense_block_count", sizes.DenseLayers)
            .Set("expert_shared_count", sizes.Shared);
        if (sizes.QueryRank > 0)
        {
            header.Set("attention.q_lora_rank", sizes.QueryRank);
        }
        for (var layer = 0; layer < sizes.Layers; layer++)
        {
            Attention(header, sizes, layer);
            header.Norm(layer, "ffn_norm.weight", sizes.Embedding);
            if (layer < sizes.DenseLayers)
            {
                header.FeedForward(layer, sizes.Embedding, sizes.FeedForward);
                continue;
            }
            header.Experts(layer, sizes.Embedding, sizes.Length, sizes.Experts);
            header.SharedExperts(layer, sizes.Embedding, sizes.Length * sizes.Shared);
        }
        return header;
    }

    private static void Attention(HeaderBuilder header, Sizes sizes, int layer)
    {
        var query = sizes.Heads * (Nope + Rope);
        header.Norm(layer, "attn_norm.weight", sizes.Embedding);
        header.Norm(layer, "attn_kv_a_norm.weight", Rank);
        if (sizes.QueryRank > 0)
        {
            header.Norm(layer, "attn_q_a_norm.weight", sizes.QueryRank);
            header.Add(layer, "attn_q_a.weight", header.Type, sizes.Embedding, sizes.QueryRank);
            header.Add(layer, "attn_q_b.weight", header.Type, sizes.QueryRank, query);
        }
        else
        {
            header.Add(layer, "attn_q.weight", header.Type, sizes.Embedding, query);
        }
        header.Add(layer, "attn_kv_a_mqa.weight", header.Type, sizes.Embedding, Rank + Rope);
        header.Add(layer, "attn_k_b.weight", header.Type, Nope, Rank, sizes.Heads);
        header.Add(layer, "attn_v_b.weight", header.Type, Rank, Value, sizes.Heads);
        header.Add(layer, "attn_output.weight", header.Type, sizes.Heads * Value, sizes.Embedding);
    }
}
