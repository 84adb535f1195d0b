namespace ModelOps.Fit;

/// <summary>
/// Layers with a recurrent state, and its size: <c>llm_arch_is_recurrent</c>, <c>llm_arch_is_hybrid</c> and <c>n_embd_r</c>,
/// <c>n_embd_s</c> of llama-hparams.cpp. The state is F32 whatever the KV type.
/// </summary>
internal static class RecurrentPattern
{
    private static readonly HashSet<string> AllLayers = new(["mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"], StringComparer.Ordinal);
    private static readonly HashSet<string> WhereNoKvHeads = new(["jamba", "granitehybrid", "lfm2", "lfm2moe", "kimi-linear", "kimi-k3", "bailingmoe3", "plamo2"], StringComparer.Ordinal);
    private static readonly Dictionary<string, int> Intervals = new(StringComparer.Ordinal) { ["qwen3next"] = 4, ["qwen35"] = 4, ["qwen35moe"] = 4, ["minimax-01"] = 8 };

    /// <summary>Which layers keep a recurrent state, and which attend (keep keys and values).</summary>
    public static (bool[] Recurrent, bool[] Attends) Read(HeaderFigures figures, int mainLayers, IReadOnlyList<int> kvHeads)
    {
        var recurrent = new bool[figures.Layers];
        var attends = new bool[figures.Layers];
        var feedForward = figures.FindPerLayer("feed_forward_length");
        var listed = figures.FindPerLayer("attention.recurrent_layers");
        for (var layer = 0; layer < figures.Layers; layer++)
        {
            (recurrent[layer], attends[layer]) = figures.Architecture switch
            {
                var name when AllLayers.Contains(name) => (true, false),
                var name when WhereNoKvHeads.Contains(name) => (kvHeads[layer] == 0, kvHeads[layer] != 0),
                "falcon-h1" => (true, true),
                // Three kinds of layer: recurrent, attention, and a bare feed-forward network.
                "nemotron_h" or "nemotron_h_moe" => (feedForward?[layer] is null or 0) ? (kvHeads[layer] == 0, kvHeads[layer] != 0) : (false, false),
                var name when Intervals.TryGetValue(name, out var interval) => Split(layer, figures.Find("full_attention_interval") ?? interval),
                _ => (false, true),
            };
        }
        return (recurrent, attends);

        (bool, bool) Split(int layer, int interval)
        {
            // Layers for multi-token prediction have neither in the main context.
            if (layer >= mainLayers)
            {
                return (false, false);
            }
            var isRecurrent = listed is not null ? listed[layer] != 0 : interval == 0 || (layer + 1) % interval != 0;
            return (isRecurrent, !isRecurrent);
        }
    }

    /// <summary>Bytes of one layer's state for one sequence.</summary>
    public static long StateBytes(HeaderFigures figures, int heads, int keyLength)
    {
        long embedding = figures.Find("embedding_length") ?? 0;
        long conv = figures.Find("ssm.conv_kernel") ?? 0;
        long inner = figures.Find("ssm.inner_size") ?? 0;
        long state = figures.Find("ssm.state_size") ?? 0;
        long groups = figures.Find("ssm.group_count") ?? 0;
        checked
        {
            long floats;
            if (figures.Find("wkv.head_size") is int wkv and > 0)
            {
                floats = (long)(figures.Find("token_shift_count") ?? 2) * embedding + embedding * wkv;
            }
            else if (figures.Find("shortconv.l_cache") is int cache and > 0)
            {
                floats = embedding * (cache - 1) + state * inner;
            }
            else if (figures.Find("kda.head_dim") is int kda and > 0)
            {
                floats = 3 * (conv > 0 ? conv - 1 : 3) * heads * kda + (long)kda * kda * heads;
            }
            else if (figures.Architecture == "minimax-01")
            {
                floats = (long)keyLength * keyLength * heads;
            }
            else
            {
                floats = (conv > 0 ? conv - 1 : 0) * (inner + 2 * groups * state) + state * inner;
            }
            return sizeof(float) * floats;
        }
    }
}
