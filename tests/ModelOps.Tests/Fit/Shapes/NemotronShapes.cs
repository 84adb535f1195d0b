namespace ModelOps.Tests.Fit;

/// <summary>
/// Nemotron-H: layers that are a Mamba-2 mixer (M), attention (*), a network (-) or experts (E), and only that. Sizes: config.json of
/// nvidia/Nemotron-H-8B-Base-8K and NVIDIA-Nemotron-3-Nano-30B-A3B (the latter also in THUDM/slime, scripts/models).
/// </summary>
internal static class NemotronShapes
{
    private const int Heads = 32, HeadLength = 128, State = 128, Groups = 8, MambaHeadLength = 64, Conv = 4, Vocabulary = 131072;

    public static HeaderBuilder NemotronH8B()
        => Build("nemotron_h", "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-", 4096, 8, 128, 21504, null);

    public static HeaderBuilder Nemotron3Nano30B()
        => Build("nemotron_h_moe", "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", 2688, 2, 64, 1856, (128, 6, 3712));

    private static HeaderBuilder Build(string architecture, string pattern, int embedding, int kvHeads, int mambaHeads, int feedForward, (int Count, int Used, int SharedLength)? experts)
    {
        var inner = mambaHeads * MambaHeadLength;
        var header = new HeaderBuilder(architecture, GgmlType.Q4_K)
            // The converter writes 2^20 for a model without positions.
            .Common(pattern.Length, embedding, Heads, 0, Vocabulary, 1 << 20, tied: false)
            .HeadLengths(HeadLength)
            .SetArray("attention.head_count_kv", pattern.Select(kind => kind == '*' ? kvHeads : 0).ToArray())
            .SetArray("feed_forward_length", pattern.Select(kind => kind is '-' or 'E' ? feedForward : 0).ToArray())
            .Set("attention.layer_norm_epsilon", 1e-5f)
            .StateSpace(Conv, inner, State, mambaHeads, Groups);
        if (experts is { } mixture)
        {
            header.Mixture(mixture.Count, mixture.Used, feedForward).Set("expert_shared_feed_forward_length", mixture.SharedLength).Set("expert_shared_count", 1);
        }
        for (var layer = 0; layer < pattern.Length; layer++)
        {
            switch (pattern[layer])
            {
                case 'M':
                    header.Mamba2(layer, embedding, Conv, inner, State, mambaHeads, Groups);
                    break;
                case '*':
                    header.Attention(layer, embedding, Heads * HeadLength, kvHeads * HeadLength);
                    break;
                default:
                    header.Norm(layer, "attn_norm.weight", embedding);
                    Network(header, layer, embedding, feedForward, experts);
                    break;
            }
        }
        return header;
    }

    // Squared ReLU: there is no gate.
    private static void Network(HeaderBuilder header, int layer, int embedding, int feedForward, (int Count, int Used, int SharedLength)? experts)
    {
        if (experts is not { } mixture)
        {
            header.Add(layer, "ffn_up.weight", header.Type, embedding, feedForward);
            header.Add(layer, "ffn_down.weight", header.Type, feedForward, embedding);
            return;
        }
        header.Add(layer, "ffn_gate_inp.weight", GgmlType.F32, embedding, mixture.Count);
        header.Norm(layer, "exp_probs_b.bias", mixture.Count);
        header.Add(layer, "ffn_up_exps.weight", header.Type, embedding, feedForward, mixture.Count);
        header.Add(layer, "ffn_down_exps.weight", header.Type, feedForward, embedding, mixture.Count);
        header.Add(layer, "ffn_up_shexp.weight", header.Type, embedding, mixture.SharedLength);
        header.Add(layer, "ffn_down_shexp.weight", header.Type, mixture.SharedLength, embedding);
    }
}
