namespace ModelOps.Tests.Fit;

/// <summary>
/// Gemma 4: heads of 512 in the global layers and 256 in the sliding ones, layers that share an earlier one's keys and values, per-layer
/// embeddings (E2B), experts beside a dense network (26B-A4B), global layers whose values are their keys (26B, 31B). Sizes: config.json of
/// google/gemma-4-E2B-it, gemma-4-26B-A4B-it, gemma-4-31B-it (the last two also in THUDM/slime, scripts/models); keys and tensors as
/// the converter writes them (golden gemma4-e2b and gemma4-26b-a4b).
/// </summary>
internal static class Gemma4Shapes
{
    private const int Vocabulary = 262144, SlidingLength = 256, GlobalLength = 512;

    private sealed record Sizes(int Layers, int Embedding, int Heads, int SlidingKvHeads, int GlobalKvHeads, int FeedForward, int Context, int Window, int Period)
    {
        /// <summary>Last layers without keys and values of their own.</summary>
        public int SharedLayers { get; init; }
        public int PerLayerEmbedding { get; init; }
        /// <summary>Whether those layers' networks are twice as wide.</summary>
        public bool WideShared { get; init; }
        public (int Count, int Used, int Length)? Experts { get; init; }
    }

    public static HeaderBuilder E2B() => E2B(GgmlType.Q4_K);

    public static HeaderBuilder A26B() => A26B(GgmlType.Q4_K);

    public static HeaderBuilder Dense31B() => Dense31B(GgmlType.Q4_K);

    public static HeaderBuilder E2B(GgmlType type) => Build(new(35, 1536, 8, 1, 1, 6144, 131072, 512, 5) { SharedLayers = 20, WideShared = true, PerLayerEmbedding = 256 }, type);

    /// <summary>Sizes inferred: the file then has the published size in Q4_0 and in BF16.</summary>
    public static HeaderBuilder E4B(GgmlType type) => Build(new(42, 2560, 8, 2, 2, 10240, 131072, 512, 6) { SharedLayers = 18, PerLayerEmbedding = 256 }, type);

    /// <summary>Sizes inferred: the file then has the published size in Q4_0 and in BF16.</summary>
    public static HeaderBuilder Dense12B(GgmlType type) => Build(new(48, 3840, 16, 8, 1, 15360, 262144, 1024, 6), type);

    public static HeaderBuilder A26B(GgmlType type) => Build(new(30, 2816, 16, 8, 2, 2112, 262144, 1024, 6) { Experts = (128, 8, 704) }, type);

    public static HeaderBuilder Dense31B(GgmlType type) => Build(new(60, 5376, 32, 16, 4, 21504, 262144, 1024, 6), type);

    private static HeaderBuilder Build(Sizes sizes, GgmlType type)
    {
        bool[] sliding = [.. Enumerable.Range(0, sizes.Layers).Select(layer => (layer + 1) % sizes.Period != 0)];
        int[] widths = [.. Enumerable.Range(0, sizes.Layers).Select(layer => layer < sizes.Layers - sizes.SharedLayers || !sizes.WideShared ? sizes.FeedForward : 2 * sizes.FeedForward)];
        var header = new HeaderBuilder("gemma4", type)
            .Common(sizes.Layers, sizes.Embedding, sizes.Heads, sizes.FeedForward, Vocabulary, sizes.Context, tied: true)
            .Heads(sizes.SlidingKvHeads, GlobalLength)
            .Set("attention.key_length_swa", SlidingLength).Set("attention.value_length_swa", SlidingLength)
            .Set("attention.sliding_window", sizes.Window)
            .SetArray("attention.sliding_window_pattern", sliding)
            .Set("attention.shared_kv_layers", sizes.SharedLayers)
            .Set("embedding_length_per_layer_input", sizes.PerLayerEmbedding)
            .Set("rope.dimension_count", GlobalLength).Set("rope.dimension_count_swa", SlidingLength)
            .Set("final_logit_softcapping", 30f);
        if (sizes.SharedLayers > 0)
        {
            header.SetArray("feed_forward_length", widths);
        }
        if (sizes.GlobalKvHeads != sizes.SlidingKvHeads)
        {
            header.SetArray("attention.head_count_kv", sliding.Select(isSliding => isSliding ? sizes.SlidingKvHeads : sizes.GlobalKvHeads).ToArray());
        }
        if (sizes.Experts is { } mixture)
        {
            header.Mixture(mixture.Count, mixture.Used, mixture.Length);
        }
        header.Add("rope_freqs.weight", GgmlType.F32, GlobalLength / 2);
        if (sizes.PerLayerEmbedding > 0)
        {
            var all = sizes.PerLayerEmbedding * sizes.Layers;
            header.Add("per_layer_token_embd.weight", header.Type, all, Vocabulary);
            header.Add("per_layer_model_proj.weight", header.Type, sizes.Embedding, all);
            header.Add("per_layer_proj_norm.weight", GgmlType.F32, sizes.PerLayerEmbedding);
        }
        for (var layer = 0; layer < sizes.Layers; layer++)
        {
            Layer(header, sizes, layer, sliding[layer], widths[layer]);
        }
        return header;
    }

    private static void Layer(HeaderBuilder header, Sizes sizes, int layer, bool sliding, int width)
    {
        var (embedding, length, kvHeads) = (sizes.Embedding, sliding ? SlidingLength : GlobalLength, sliding ? sizes.SlidingKvHeads : sizes.GlobalKvHeads);
        header.Norm(layer, "attn_norm.weight", embedding);
        header.Norm(layer, "post_attention_norm.weight", embedding);
        header.Norm(layer, "ffn_norm.weight", embedding);
        header.Norm(layer, "post_ffw_norm.weight", embedding);
        header.Norm(layer, "layer_output_scale.weight", 1);
        header.Add(layer, "attn_q.weight", header.Type, embedding, sizes.Heads * length);
        header.Add(layer, "attn_k.weight", header.Type, embedding, kvHeads * length);
        if (sliding || sizes.SharedLayers > 0)
        {
            header.Add(layer, "attn_v.weight", header.Type, embedding, kvHeads * length);
        }
        header.Add(layer, "attn_output.weight", header.Type, sizes.Heads * length, embedding);
        header.HeadNorms(layer, length);
        header.FeedForward(layer, embedding, width);
        if (sizes.Experts is { } experts)
        {
            header.Add(layer, "ffn_gate_inp.weight", GgmlType.F32, embedding, experts.Count);
            header.Norm(layer, "ffn_gate_inp.scale", embedding);
            header.Norm(layer, "pre_ffw_norm_2.weight", embedding);
            header.Norm(layer, "post_ffw_norm_1.weight", embedding);
            header.Norm(layer, "post_ffw_norm_2.weight", embedding);
            header.Add(layer, "ffn_gate_up_exps.weight", header.Type, embedding, 2 * experts.Length, experts.Count);
            header.Add(layer, "ffn_down_exps.weight", header.Type, experts.Length, embedding, experts.Count);
            header.Norm(layer, "ffn_down_exps.scale", experts.Count);
        }
        if (sizes.PerLayerEmbedding > 0)
        {
            header.Add(layer, "inp_gate.weight", header.Type, embedding, sizes.PerLayerEmbedding);
            header.Add(layer, "proj.weight", header.Type, sizes.PerLayerEmbedding, embedding);
            header.Norm(layer, "post_norm.weight", embedding);
        }
    }
}
