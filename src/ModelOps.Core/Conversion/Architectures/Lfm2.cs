using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>LFM2: short convolutions, with attention in some layers.</summary>
internal class Lfm2 : Architecture
{
    private const long DefaultWidth = 12288;

    public override IReadOnlyList<string> ClassNames => ["Lfm2ForCausalLM", "LFM2ForCausalLM"];

    public override string Name => "lfm2";

    public override string Defaults => """
        {
          "vocab_size": 65536, "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
          "max_position_embeddings": 128000, "norm_eps": 1e-5, "rope_theta": 1000000.0, "tie_word_embeddings": true, "conv_bias": false, "conv_L_cache": 3,
          "block_multiple_of": 256, "block_ffn_dim_multiplier": 1.0, "block_auto_adjust_ff_dim": true
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "lfm2" };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        if (config.FindBoolean("conv_bias") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's LFM2 has no biases in its convolutions, the checkpoint does (conv_bias).");
        var (hidden, vocabulary) = (config.Size("hidden_size"), config.Size("vocab_size"));
        var table = new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [vocabulary, hidden] },
            // The last norm, whatever its name.
            { "model.embedding_norm.weight", "token_embd_norm.weight", [hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, config.FindBoolean("tie_word_embeddings", "tie_embedding") ?? true },
            { "model.layers.*.operator_norm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "model.layers.*.ffn_norm.weight", "blk.*.ffn_norm.weight", [hidden] },
        };
        AddFeedForward(table, config, hidden);
        var heads = HeadCounts(config);
        for (var layer = 0; layer < heads.Length; layer++)
        {
            if (heads[layer] > 0)
                AddAttention(table, layer, hidden, hidden / config.Size("num_attention_heads"), heads[layer]);
            else
                AddConvolution(table, layer, hidden, config.Size("conv_L_cache"));
        }
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("attention.head_count_kv"), HeadCounts(config));
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        metadata.Set(Key("shortconv.l_cache"), (uint)config.Size("conv_L_cache"));
        metadata.Set(Key("feed_forward_length"), (uint)Width(config));
    }

    /// <summary>What follows the convolution or attention of each layer.</summary>
    protected virtual void AddFeedForward(TensorTable table, CheckpointConfig config, long hidden) => AddDense(table, Width(config), hidden);

    /// <summary>A gated network, by the names of its papers.</summary>
    protected static void AddDense(TensorTable table, long width, long hidden)
    {
        table.Add("model.layers.*.feed_forward.w1.weight", "blk.*.ffn_gate.weight", [width, hidden]);
        table.Add("model.layers.*.feed_forward.w2.weight", "blk.*.ffn_down.weight", [hidden, width]);
        table.Add("model.layers.*.feed_forward.w3.weight", "blk.*.ffn_up.weight", [width, hidden]);
    }

    private static void AddAttention(TensorTable table, int layer, long hidden, long head, long keyValueHeads)
    {
        var (from, to) = ($"model.layers.{layer}.self_attn", $"blk.{layer}");
        table.Add($"{from}.q_proj.weight", $"{to}.attn_q.weight", [hidden, hidden]);
        table.Add($"{from}.k_proj.weight", $"{to}.attn_k.weight", [keyValueHeads * head, hidden]);
        table.Add($"{from}.v_proj.weight", $"{to}.attn_v.weight", [keyValueHeads * head, hidden]);
        table.Add($"{from}.out_proj.weight", $"{to}.attn_output.weight", [hidden, hidden]);
        table.Add($"{from}.q_layernorm.weight", $"{to}.attn_q_norm.weight", [head]);
        table.Add($"{from}.k_layernorm.weight", $"{to}.attn_k_norm.weight", [head]);
    }

    private static void AddConvolution(TensorTable table, int layer, long hidden, long length)
    {
        var (from, to) = ($"model.layers.{layer}.conv", $"blk.{layer}.shortconv");
        table.Add($"{from}.in_proj.weight", $"{to}.in_proj.weight", [3 * hidden, hidden]);
        table.Add($"{from}.out_proj.weight", $"{to}.out_proj.weight", [hidden, hidden]);
        table.Add(new TensorRule($"{from}.conv.weight", $"{to}.conv.weight", [hidden, 1, length]) { View = [hidden, length] });
    }

    /// <summary>Key/value heads of each layer; none where there is a convolution instead of attention.</summary>
    private int[] HeadCounts(CheckpointConfig config)
    {
        var (layers, heads) = (Layers(config), checked((int)config.Size("num_key_value_heads")));
        if (LayerTypes.Find(config, layers) is { } types)
            return [.. types.Select(type => type == "conv" ? 0 : heads)];
        // Before layer_types: the numbers of the layers with attention; all of them when nothing is said.
        if (config.Find("full_attn_idxs") is not { ValueKind: JsonValueKind.Array } indices)
            return [.. Enumerable.Repeat(heads, (int)layers)];
        var attention = CheckpointJson.Guard(config.Path, () => indices.EnumerateArray().Select(index => index.GetInt32()).ToHashSet());
        return [.. Enumerable.Range(0, (int)layers).Select(layer => attention.Contains(layer) ? heads : 0)];
    }

    /// <summary>Width of the feed-forward network: two thirds of what config.json says, rounded up, unless it says not to.</summary>
    protected virtual long Width(CheckpointConfig config)
    {
        var width = config.Find("block_ff_dim") is null ? config.Size("intermediate_size", DefaultWidth) : config.Size("block_ff_dim");
        if (config.FindBoolean("block_auto_adjust_ff_dim") is false)
            return width;
        width = 2 * width / 3;
        if (config.FindNumber(0, 1e6, "block_ffn_dim_multiplier") is { } factor)
            width = (long)(factor * width);
        var multiple = config.Size("block_multiple_of");
        return multiple * ((width + multiple - 1) / multiple);
    }
}
