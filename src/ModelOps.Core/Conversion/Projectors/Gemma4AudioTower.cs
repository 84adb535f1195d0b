namespace ModelOps.Conversion;

/// <summary>Gemma 4's audio tower: a conformer that hears 128 bands of sound.</summary>
internal static class Gemma4AudioTower
{
    public const string Defaults = """
        {
          "hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 8, "hidden_act": "silu", "subsampling_conv_channels": [128, 32], "conv_kernel_size": 5,
          "residual_weight": 0.5, "attention_chunk_size": 12, "attention_context_left": 13, "attention_context_right": 0, "attention_logit_cap": 50.0,
          "use_clipped_linears": true, "output_proj_dims": 1536
        }
        """;

    private const long Bands = 128;

    private const string Tower = "audio_tower";

    // What llama.cpp has built in.
    private static readonly (string Key, double Value)[] BuiltIn =
        [("attention_chunk_size", 12), ("attention_context_left", 13), ("attention_context_right", 0), ("attention_logit_cap", 50), ("residual_weight", 0.5)];

    public static TowerSizes Sizes(CheckpointConfig audio)
    {
        var hidden = audio.Size("hidden_size");
        return new TowerSizes(hidden, 4 * hidden, audio.Size("num_hidden_layers"), audio.Size("num_attention_heads")).Checked(audio);
    }

    public static void Describe(CheckpointConfig audio, GgufMetadata metadata)
    {
        foreach (var (key, value) in BuiltIn)
        {
            if (audio.FindNumber(key) is { } said && said != value)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{audio.Path}: llama.cpp's audio tower of Gemma 4 has {key} = {value}, the checkpoint {said}.");
        }
        Projector.RequireActivation(audio, "hidden_act", "silu");
        metadata.Set("clip.audio.projector_type", "gemma4a");
        metadata.Set("clip.audio.num_mel_bins", (uint)audio.Size("input_feat_size", Bands));
        metadata.WriteEpsilon("audio", audio.FindNumber(0, 1, "layer_norm_eps") ?? 1e-6);
    }

    /// <summary>Adds its tensors; <c>*</c> of the table is the vision tower's, so layers are added one by one.</summary>
    public static void AddTensors(TensorTable table, CheckpointConfig audio, long textHidden)
    {
        var sizes = Sizes(audio);
        var output = audio.Size("output_proj_dims");
        AddSubsampling(table, audio, sizes.Hidden);
        var layers = table.Of(TensorTable.LayersFrom(0, sizes.Layers));
        AddFeedForward(layers, audio, sizes, "feed_forward1", "");
        AddFeedForward(layers, audio, sizes, "feed_forward2", "_1");
        AddAttention(layers, audio, sizes);
        AddConvolution(layers, audio, sizes);
        table.AddLinear($"{Tower}.output_proj", "a.pre_encode.out", output, sizes.Hidden);
        table.Add("embed_audio.embedding_projection.weight", "mm.a.input_projection.weight", [textHidden, output]);
    }

    private static void AddSubsampling(TensorTable table, CheckpointConfig audio, long hidden)
    {
        const string From = $"{Tower}.subsample_conv_projection";
        var channels = CheckpointJson.Guard(audio.Path, () => audio.Find("subsampling_conv_channels")?.EnumerateArray().Select(count => count.GetInt64()).ToArray() ?? []);
        if (channels is not [> 0 and < 1 << 20, > 0 and < 1 << 20])
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{audio.Path}: subsampling_conv_channels should be two sizes.");
        for (var i = 0; i < channels.Length; i++)
        {
            table.Add(new TensorRule($"{From}.layer{i}.conv.weight", $"a.conv1d.{i}.weight", [channels[i], i == 0 ? 1 : channels[0], 3, 3]) { Type = GgmlType.F32 });
            table.Add($"{From}.layer{i}.norm.weight", $"a.conv1d.{i}.norm.weight", [channels[i]]);
        }
        // Two strides of two leave a quarter of the bands.
        table.Add(new TensorRule($"{From}.input_proj_linear.weight", "a.input_projection.weight", [hidden, channels[0] / 4 * channels[1]]) { Type = GgmlType.F32 });
    }

    private static void AddFeedForward(TensorTable layers, CheckpointConfig audio, TowerSizes sizes, string source, string suffix)
    {
        var from = $"{Tower}.layers.*.{source}";
        layers.Add($"{from}.pre_layer_norm.weight", $"a.blk.*.ffn_norm{suffix}.weight", [sizes.Hidden]);
        layers.AddClippable($"{from}.ffw_layer_1", $"a.blk.*.ffn_up{suffix}", sizes.FeedForward, sizes.Hidden, IsClipped(audio));
        layers.AddClippable($"{from}.ffw_layer_2", $"a.blk.*.ffn_down{suffix}", sizes.Hidden, sizes.FeedForward, IsClipped(audio));
        layers.Add($"{from}.post_layer_norm.weight", $"a.blk.*.ffn_post_norm{suffix}.weight", [sizes.Hidden]);
    }

    private static void AddAttention(TensorTable layers, CheckpointConfig audio, TowerSizes sizes)
    {
        const string From = $"{Tower}.layers.*";
        var hidden = sizes.Hidden;
        foreach (var (source, target) in new[] { ("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"), ("post", "attn_out") })
            layers.AddClippable($"{From}.self_attn.{source}", $"a.blk.*.{target}", hidden, hidden, IsClipped(audio));
        layers.Add($"{From}.self_attn.relative_k_proj.weight", "a.blk.*.attn_k_rel.weight", [hidden, hidden]);
        layers.Add(new TensorRule($"{From}.self_attn.per_dim_scale", "a.blk.*.per_dim_scale.weight", [hidden / sizes.Heads]) { Map = SoftPlus });
        layers.Add($"{From}.norm_pre_attn.weight", "a.blk.*.attn_pre_norm.weight", [hidden]);
        layers.Add($"{From}.norm_post_attn.weight", "a.blk.*.attn_post_norm.weight", [hidden]);
        layers.Add($"{From}.norm_out.weight", "a.blk.*.ln2.weight", [hidden]);
    }

    private static void AddConvolution(TensorTable layers, CheckpointConfig audio, TowerSizes sizes)
    {
        const string From = $"{Tower}.layers.*.lconv1d";
        var (hidden, kernel) = (sizes.Hidden, audio.Size("conv_kernel_size"));
        // The names of the two norms are swapped, as the engine expects.
        layers.Add($"{From}.pre_layer_norm.weight", "a.blk.*.conv_norm.weight", [hidden]);
        layers.Add($"{From}.conv_norm.weight", "a.blk.*.norm_conv.weight", [hidden]);
        layers.AddClippable($"{From}.linear_start", "a.blk.*.conv_pw1", 2 * hidden, hidden, IsClipped(audio));
        layers.Add(new TensorRule($"{From}.depthwise_conv1d.weight", "a.blk.*.conv_dw.weight", [hidden, 1, kernel]) { View = [hidden, kernel], Type = GgmlType.F32 });
        layers.AddClippable($"{From}.linear_end", "a.blk.*.conv_pw2", hidden, hidden, IsClipped(audio));
    }

    private static bool IsClipped(CheckpointConfig audio) => audio.FindBoolean("use_clipped_linears") ?? true;

    /// <summary>
    /// ln(1 + eˣ), which the engine leaves to the converter; rounded once, where torch's steps in single precision are up to two units off.
    /// </summary>
    private static float SoftPlus(float x)
    {
        if (x > 20)
            return x;
        var power = Math.Exp(x);
        var sum = 1 + power;
        // What rounding the sum lost is made good by the ratio.
        return (float)(sum == 1 ? power : Math.Log(sum) * (power / (sum - 1)));
    }
}
