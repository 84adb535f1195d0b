namespace ModelOps.Tests.Fit;

/// <summary>
/// Granite 3 (dense) and Granite 4 (Mamba-2 with attention in every tenth layer, experts in all). Sizes: config.json of
/// ibm-granite/granite-3.3-8b-instruct and granite-4.0-h-small.
/// </summary>
internal static class GraniteShapes
{
    public static HeaderBuilder Granite33_8B() => new DenseShape("granite", GgmlType.Q4_K, 40, 4096, 32, 8, 128, 12800, 49159, 131072) { Tied = true }.Build().Set("logit_scale", 16f);

    public static HeaderBuilder Granite4HSmall()
    {
        const int Layers = 40, Embedding = 4096, Heads = 32, KvHeads = 8, HeadLength = 128, Experts = 72, Length = 768;
        const int Inner = 8192, State = 128, MambaHeads = 128, Groups = 1;
        int[] kvHeads = [.. Enumerable.Range(0, Layers).Select(layer => layer % 10 == 5 ? KvHeads : 0)];
        var header = new HeaderBuilder("granitehybrid", GgmlType.Q4_K)
            // The converter writes 2^20 for a model without positions.
            .Common(Layers, Embedding, Heads, Length, 100352, 1 << 20, tied: true)
            .SetArray("attention.head_count_kv", kvHeads)
            .Set("expert_count", Experts).Set("expert_used_count", 10).Set("expert_shared_feed_forward_length", 1536)
            .Set("logit_scale", 16f)
            .StateSpace(4, Inner, State, MambaHeads, Groups);
        for (var layer = 0; layer < Layers; layer++)
        {
            if (kvHeads[layer] > 0)
            {
                header.Attention(layer, Embedding, Heads * HeadLength, KvHeads * HeadLength);
            }
            else
            {
                header.Mamba2(layer, Embedding, 4, Inner, State, MambaHeads, Groups);
            }
            header.Norm(layer, "ffn_norm.weight", Embedding);
            header.Experts(layer, Embedding, Length, Experts);
            header.SharedExperts(layer, Embedding, 1536);
        }
        return header;
    }
}
