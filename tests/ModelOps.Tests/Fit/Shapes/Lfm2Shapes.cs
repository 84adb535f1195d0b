namespace ModelOps.Tests.Fit;

/// <summary>LFM2: short convolutions, attention in six of sixteen layers. Sizes: config.json of LiquidAI/LFM2-1.2B.</summary>
internal static class Lfm2Shapes
{
    public static HeaderBuilder Lfm2_1200M()
    {
        const int Embedding = 2048, HeadLength = 64, FeedForward = 8192;
        int[] kvHeads = [0, 0, 8, 0, 0, 8, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0];
        var header = new HeaderBuilder("lfm2", GgmlType.Q4_K)
            .Common(kvHeads.Length, Embedding, 32, FeedForward, 65536, 128000, tied: true, outputNorm: "token_embd_norm.weight")
            .SetArray("attention.head_count_kv", kvHeads)
            .Set("shortconv.l_cache", 3);
        for (var layer = 0; layer < kvHeads.Length; layer++)
        {
            if (kvHeads[layer] > 0)
            {
                header.Attention(layer, Embedding, Embedding, kvHeads[layer] * HeadLength, HeadLength);
            }
            else
            {
                header.Norm(layer, "attn_norm.weight", Embedding);
                header.Add(layer, "shortconv.conv.weight", GgmlType.F32, 3, Embedding);
                header.Add(layer, "shortconv.in_proj.weight", header.Type, Embedding, 3 * Embedding);
                header.Add(layer, "shortconv.out_proj.weight", header.Type, Embedding, Embedding);
            }
            header.Norm(layer, "ffn_norm.weight", Embedding);
            header.FeedForward(layer, Embedding, FeedForward);
        }
        return header;
    }
}
