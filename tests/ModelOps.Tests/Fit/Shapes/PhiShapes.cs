namespace ModelOps.Tests.Fit;

/// <summary>Phi: query, key and value in one matrix, gate and up in another. Sizes: config.json of microsoft/Phi-3.5-mini-instruct and phi-4.</summary>
internal static class PhiShapes
{
    // A window is in the header that the engine ignores.
    public static HeaderBuilder Phi35Mini() => Build(32, 3072, 32, 32, 8192, 32064, 131072).Set("attention.sliding_window", 262144);

    public static HeaderBuilder Phi4() => Build(40, 5120, 40, 10, 17920, 100352, 16384);

    private static HeaderBuilder Build(int layers, int embedding, int heads, int kvHeads, int feedForward, int vocabulary, int context)
    {
        var headLength = embedding / heads;
        var header = new HeaderBuilder("phi3", GgmlType.Q4_K)
            .Common(layers, embedding, heads, feedForward, vocabulary, context, tied: false)
            .Set("attention.head_count_kv", kvHeads)
            .Set("rope.dimension_count", headLength);
        for (var layer = 0; layer < layers; layer++)
        {
            header.Norm(layer, "attn_norm.weight", embedding);
            header.Add(layer, "attn_qkv.weight", header.Type, embedding, embedding + 2 * kvHeads * headLength);
            header.Add(layer, "attn_output.weight", header.Type, embedding, embedding);
            header.Norm(layer, "ffn_norm.weight", embedding);
            header.Add(layer, "ffn_up.weight", header.Type, embedding, 2 * feedForward);
            header.Add(layer, "ffn_down.weight", header.Type, feedForward, embedding);
        }
        return header;
    }
}
