namespace ModelOps.Conversion;

/// <summary>Gemma 2: norms around both halves of a layer, soft caps, every second layer global.</summary>
internal sealed class Gemma2 : Architecture
{
    /// <summary>Layers of the 27B model, whose attention scale llama.cpp derives otherwise.</summary>
    private const long Layers27B = 46;

    private const int Pattern = 2;

    private const double DefaultTheta = 10000;

    public override IReadOnlyList<string> ClassNames => ["Gemma2ForCausalLM"];

    public override string Name => "gemma2";

    public override Activation? Activation => Activation.TanhGelu("hidden_activation");

    public override string Defaults => """
        {
          "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
          "head_dim": 256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "sliding_window": 4096, "query_pre_attn_scalar": 256,
          "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0
        }
        """;

    // The head is always the embedding; some tools save it a second time.
    public override bool Ignores(string source) => base.Ignores(source) || source == "lm_head.weight";

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        // Norms are stored minus one: the library computes x · (1 + w), ggml x · w.
        const float Norm = 1;
        var table = new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden] },
            { "model.norm.weight", "output_norm.weight", [sizes.Hidden], null, Norm },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden], null, Norm },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [sizes.Hidden], null, Norm },
            { "model.layers.*.pre_feedforward_layernorm.weight", "blk.*.ffn_norm.weight", [sizes.Hidden], null, Norm },
            { "model.layers.*.post_feedforward_layernorm.weight", "blk.*.post_ffw_norm.weight", [sizes.Hidden], null, Norm },
        };
        table.AddAttention(sizes);
        table.AddGatedFeedForward(sizes);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var sizes = DecoderSizes.From(config);
        var (attentionCap, finalCap) = (config.FindNumber("attn_logit_softcapping"), config.FindNumber("final_logit_softcapping"));
        RequireComputable(config, sizes, attentionCap, finalCap);
        metadata.Set(Key("context_length"), (uint)config.Size("max_position_embeddings"));
        metadata.Set(Key("embedding_length"), (uint)sizes.Hidden);
        metadata.Set(Key("block_count"), (uint)Layers(config));
        metadata.Set(Key("feed_forward_length"), (uint)sizes.FeedForward);
        metadata.Set(Key("attention.head_count"), (uint)sizes.Heads);
        metadata.Set(Key("attention.head_count_kv"), (uint)sizes.KeyValueHeads);
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.Number(0, 1, "rms_norm_eps"));
        metadata.Set(Key("attention.key_length"), (uint)sizes.HeadLength);
        metadata.Set(Key("attention.value_length"), (uint)sizes.HeadLength);
        metadata.Set("general.file_type", (uint)recipe.FileType);
        metadata.Set(Key("attn_logit_softcapping"), (float)attentionCap!.Value);
        metadata.Set(Key("final_logit_softcapping"), (float)finalCap!.Value);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        // llama.cpp's converter writes neither, so that a checkpoint of other values comes out wrong there.
        if (RopeParameters.From(config).Theta is { } theta and not DefaultTheta)
            metadata.Set(Key("rope.freq_base"), (float)theta);
        if (SlidingPattern.Find(config, Layers(config), Pattern) is var pattern and not Pattern)
            metadata.Set(Key("attention.sliding_window_pattern"), (uint)pattern);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        base.DescribeTokenizer(files, config, metadata);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
    }

    /// <summary>Refuses what llama.cpp's Gemma 2 would silently compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config, DecoderSizes sizes, double? attentionCap, double? finalCap)
    {
        if (attentionCap is null || finalCap is null)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Gemma 2 always caps its logits, the checkpoint does not.");
        if (!RopeParameters.From(config).IsPlain)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: Gemma 2 with scaled rotary positions cannot be converted.");
        var expected = Layers(config) == Layers27B ? sizes.Hidden / sizes.Heads : sizes.HeadLength;
        if (config.FindNumber("query_pre_attn_scalar") is { } scalar && scalar != expected)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp scales Gemma 2's attention by 1/√{expected}, the checkpoint says query_pre_attn_scalar = {scalar}.");
    }
}
