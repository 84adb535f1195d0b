namespace ModelOps.Conversion;

/// <summary>Phi-3, 3.5 and 4: fused projections, and two sets of rotary factors for short and long texts.</summary>
internal sealed class Phi3 : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["Phi3ForCausalLM"];

    public override string Name => "phi3";

    public override string Defaults => """
        {
          "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { AddedTokensAsMarked = true };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config))
        {
            { "model.layers.*.self_attn.qkv_proj.weight", "blk.*.attn_qkv.weight", [sizes.Query + (2 * sizes.KeyValue), sizes.Hidden] },
            { "model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight", [sizes.Hidden, sizes.Query] },
            { "model.layers.*.mlp.gate_up_proj.weight", "blk.*.ffn_up.weight", [2 * sizes.FeedForward, sizes.Hidden] },
            { "model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward] },
        };
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        return table;
    }

    public override IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config)
    {
        var rope = RopeParameters.From(config);
        if (rope.IsPlain)
            return [];
        if (rope.FindNumbers("long_factor") is not { } longFactors || rope.FindNumbers("short_factor") is not { } shortFactors)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: rotary scaling of type '{rope.Type}' without long_factor and short_factor cannot be converted for {Name}.");
        if (longFactors.Length * 2 != RotatedDimensions(config, rope) || shortFactors.Length != longFactors.Length)
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"{config.Path} has {longFactors.Length} long and {shortFactors.Length} short rotary factors for {RotatedDimensions(config, rope)} rotated dimensions; half as many are needed.");
        }
        return [("rope_factors_long.weight", new ComputedTensor(longFactors)), ("rope_factors_short.weight", new ComputedTensor(shortFactors))];
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var (sizes, rope) = (DecoderSizes.From(config), RopeParameters.From(config));
        var context = config.Size("max_position_embeddings");
        var original = (long?)rope.Find("original_max_position_embeddings") ?? config.Size("original_max_position_embeddings");
        if (!rope.IsPlain)
            metadata.Set(Key("rope.scaling.attn_factor"), (float)AttentionFactor(rope, context, original, config));
        metadata.Set(Key("context_length"), (uint)context);
        metadata.Set(Key("rope.scaling.original_context_length"), (uint)original);
        metadata.Set(Key("embedding_length"), (uint)sizes.Hidden);
        metadata.Set(Key("feed_forward_length"), (uint)sizes.FeedForward);
        metadata.Set(Key("block_count"), (uint)Layers(config));
        metadata.Set(Key("attention.head_count"), (uint)sizes.Heads);
        metadata.Set(Key("attention.head_count_kv"), (uint)sizes.KeyValueHeads);
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.Number(0, 1, "rms_norm_eps"));
        metadata.Set(Key("rope.dimension_count"), (uint)RotatedDimensions(config, rope));
        metadata.Set(Key("rope.freq_base"), (float)(rope.Theta ?? config.Number(0, float.MaxValue, "rope_theta")));
        metadata.Set("general.file_type", (uint)recipe.FileType);
        // Zero tells Phi-4, which has no window, from the others.
        metadata.Set(Key("attention.sliding_window"), config.FindCount("sliding_window") ?? 0u);
    }

    private static long RotatedDimensions(CheckpointConfig config, RopeParameters rope)
        => (long)((rope.PartialFactor ?? 1) * config.Size("hidden_size")) / config.Size("num_attention_heads");

    /// <summary>Attention grows with the stretched context, by the rules of LongRoPE or of YaRN.</summary>
    private double AttentionFactor(RopeParameters rope, long context, long original, CheckpointConfig config)
    {
        var scale = (double)context / original;
        return rope.Type switch
        {
            "longrope" or "su" => scale > 1 ? Math.Sqrt(1 + (Math.Log(scale) / Math.Log(original))) : 1,
            "yarn" => scale > 1 ? (0.1 * Math.Log(scale)) + 1 : 1,
            _ => throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: rotary scaling of type '{rope.Type}' cannot be converted for {Name}."),
        };
    }
}
