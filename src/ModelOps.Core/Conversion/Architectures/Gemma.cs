namespace ModelOps.Conversion;

/// <summary>Gemma 1 and CodeGemma: norms stored minus one, the embedding as head.</summary>
internal sealed class Gemma : Architecture
{
    private const float NormShift = 1;

    private const double DefaultTheta = 10000;

    /// <summary>The end of a turn; none of its files says so. CodeGemma's tokens for filling in are known to the engine by their text.</summary>
    private const uint EndOfTurn = 107;

    public override IReadOnlyList<string> ClassNames => ["GemmaForCausalLM"];

    public override string Name => "gemma";

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    // The first checkpoints say 'gelu' and were trained with the other: the library computes that whatever they say, unless
    // hidden_activation is there.
    public override Activation? Activation { get; } = new("hidden_act", ["gelu", .. Activation.TanhGelu("hidden_act").Names]);

    public override string Defaults => """
        {
          "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16,
          "head_dim": 256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000.0
        }
        """;

    // The head is always the embedding; some tools save it a second time.
    public override bool Ignores(string source) => base.Ignores(source) || source == "lm_head.weight";

    public override TensorTable Tensors(CheckpointConfig config)
    {
        RequireComputable(config);
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden] },
            { "model.norm.weight", "output_norm.weight", [sizes.Hidden], null, NormShift },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden], null, NormShift },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.ffn_norm.weight", [sizes.Hidden], null, NormShift },
        };
        table.AddAttention(sizes);
        table.AddGatedFeedForward(sizes);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var sizes = DecoderSizes.From(config);
        metadata.Set(Key("context_length"), (uint)config.Size("max_position_embeddings"));
        metadata.Set(Key("embedding_length"), (uint)sizes.Hidden);
        metadata.Set(Key("block_count"), (uint)Layers(config));
        metadata.Set(Key("feed_forward_length"), (uint)sizes.FeedForward);
        metadata.Set(Key("attention.head_count"), (uint)sizes.Heads);
        metadata.Set(Key("attention.head_count_kv"), (uint)sizes.KeyValueHeads);
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.FindNumber(0, 1, "rms_norm_eps")!.Value);
        metadata.Set(Key("attention.key_length"), (uint)sizes.HeadLength);
        metadata.Set(Key("attention.value_length"), (uint)sizes.HeadLength);
        metadata.Set("general.file_type", (uint)recipe.FileType);
        // llama.cpp's converter never writes it, so that a checkpoint of another base comes out wrong there.
        if (RopeParameters.From(config).Theta is { } theta and not DefaultTheta)
            metadata.Set(Key("rope.freq_base"), (float)theta);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        base.DescribeTokenizer(files, config, metadata);
        metadata.Set("tokenizer.ggml.eot_token_id", EndOfTurn);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
    }

    /// <summary>Refuses what llama.cpp's Gemma would compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config)
    {
        Activation.TanhGelu("hidden_activation").Require(this, config);
        if (!RopeParameters.From(config).IsPlain)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: Gemma with scaled rotary positions cannot be converted.");
        if (config.FindBoolean("attention_bias") is true || config.FindBoolean("use_bidirectional_attention") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Gemma has no biases in attention and looks back only, the checkpoint otherwise (attention_bias, use_bidirectional_attention).");
    }
}
