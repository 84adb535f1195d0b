namespace ModelOps.Tests.Fit;

/// <summary>
/// Gated delta nets with full attention in every fourth layer: Qwen3-Next, Qwen3.5 and Qwen3.6, dense and with experts. Sizes: config.json
/// of Qwen/Qwen3-Next-80B-A3B-Instruct, Qwen3.5-9B, Qwen3.6-27B, Qwen3.6-35B-A3B (the last two also in THUDM/slime, scripts/models).
/// </summary>
internal static class QwenHybridShapes
{
    private const int Interval = 4, State = 128, Groups = 16, Conv = 4, HeadLength = 256;

    private sealed record Sizes(string Architecture, int Layers, int Embedding, int Heads, int KvHeads, int ValueHeads, int FeedForward, int Vocabulary, bool Tied)
    {
        public (int Count, int Used, int Length)? Experts { get; init; }
        /// <summary>Layers for multi-token prediction after the others, which the engine leaves alone.</summary>
        public int PredictionLayers { get; init; }
    }

    public static HeaderBuilder Qwen3Next80B() => Build(new("qwen3next", 48, 2048, 16, 2, 32, 5120, 151936, false) { Experts = (512, 10, 512) });

    public static HeaderBuilder Qwen35_9B() => Build(new("qwen35", 32, 4096, 16, 4, 32, 12288, 248320, false));

    public static HeaderBuilder Qwen36_27B() => Build(new("qwen35", 64, 5120, 24, 4, 48, 17408, 248320, false) { PredictionLayers = 1 });

    public static HeaderBuilder Qwen36_35B() => Build(new("qwen35moe", 40, 2048, 16, 2, 32, 512, 248320, false) { Experts = (256, 8, 512) });

    private static HeaderBuilder Build(Sizes sizes)
    {
        var value = State * sizes.ValueHeads;
        var header = new HeaderBuilder(sizes.Architecture, GgmlType.Q4_K)
            .Common(sizes.Layers + sizes.PredictionLayers, sizes.Embedding, sizes.Heads, sizes.FeedForward, sizes.Vocabulary, 262144, sizes.Tied)
            .Heads(sizes.KvHeads, HeadLength)
            .Set("rope.dimension_count", 64)
            .StateSpace(Conv, value, State, sizes.ValueHeads, Groups);
        if (sizes.Architecture != "qwen3next")
        {
            header.SetArray("rope.dimension_sections", new[] { 11, 11, 10, 0 }).Set("full_attention_interval", Interval);
        }
        if (sizes.Experts is { } mixture)
        {
            header.Mixture(mixture.Count, mixture.Used, mixture.Length).Set("expert_shared_feed_forward_length", mixture.Length);
        }
        if (sizes.PredictionLayers > 0)
        {
            header.Set("nextn_predict_layers", sizes.PredictionLayers);
        }
        for (var layer = 0; layer < sizes.Layers + sizes.PredictionLayers; layer++)
        {
            header.Norm(layer, "attn_norm.weight", sizes.Embedding);
            if (layer >= sizes.Layers || (layer + 1) % Interval == 0)
            {
                FullAttention(header, sizes, layer);
            }
            else
            {
                DeltaNet(header, sizes, layer, value);
            }
            header.Norm(layer, "post_attention_norm.weight", sizes.Embedding);
            Network(header, sizes, layer);
            if (layer >= sizes.Layers)
            {
                header.Add(layer, "nextn.eh_proj.weight", header.Type, 2 * sizes.Embedding, sizes.Embedding);
                header.Norm(layer, "nextn.enorm.weight", sizes.Embedding);
                header.Norm(layer, "nextn.hnorm.weight", sizes.Embedding);
                header.Norm(layer, "nextn.shared_head_norm.weight", sizes.Embedding);
            }
        }
        return header;
    }

    private static void FullAttention(HeaderBuilder header, Sizes sizes, int layer)
    {
        // Queries come with a gate of their size.
        header.Add(layer, "attn_q.weight", header.Type, sizes.Embedding, 2 * sizes.Heads * HeadLength);
        header.Add(layer, "attn_k.weight", header.Type, sizes.Embedding, sizes.KvHeads * HeadLength);
        header.Add(layer, "attn_v.weight", header.Type, sizes.Embedding, sizes.KvHeads * HeadLength);
        header.Add(layer, "attn_output.weight", header.Type, sizes.Heads * HeadLength, sizes.Embedding);
        header.HeadNorms(layer, HeadLength);
    }

    private static void DeltaNet(HeaderBuilder header, Sizes sizes, int layer, int value)
    {
        var convolved = 2 * State * Groups + value;
        header.Add(layer, "attn_qkv.weight", header.Type, sizes.Embedding, convolved);
        header.Add(layer, "attn_gate.weight", header.Type, sizes.Embedding, value);
        header.Add(layer, "ssm_conv1d.weight", GgmlType.F32, Conv, convolved);
        header.Add(layer, "ssm_dt.bias", GgmlType.F32, sizes.ValueHeads);
        header.Add(layer, "ssm_a", GgmlType.F32, sizes.ValueHeads);
        if (sizes.Architecture == "qwen3next")
        {
            header.Add(layer, "ssm_ba.weight", header.Type, sizes.Embedding, 2 * sizes.ValueHeads);
        }
        else
        {
            header.Add(layer, "ssm_alpha.weight", header.Type, sizes.Embedding, sizes.ValueHeads);
            header.Add(layer, "ssm_beta.weight", header.Type, sizes.Embedding, sizes.ValueHeads);
        }
        header.Add(layer, "ssm_norm.weight", GgmlType.F32, State);
        header.Add(layer, "ssm_out.weight", header.Type, value, sizes.Embedding);
    }

    private static void Network(HeaderBuilder header, Sizes sizes, int layer)
    {
        if (sizes.Experts is not { } experts)
        {
            header.FeedForward(layer, sizes.Embedding, sizes.FeedForward);
            return;
        }
        header.Experts(layer, sizes.Embedding, experts.Length, experts.Count);
        header.Norm(layer, "ffn_gate_inp_shexp.weight", sizes.Embedding);
        header.SharedExperts(layer, sizes.Embedding, experts.Length);
    }
}
