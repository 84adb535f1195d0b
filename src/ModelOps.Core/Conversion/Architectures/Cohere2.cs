namespace ModelOps.Conversion;

/// <summary>Command R7B and A: one norm for attention and feed-forward side by side, every fourth layer global and without positions.</summary>
internal sealed class Cohere2 : Architecture
{
    private const int Pattern = 4;

    public override IReadOnlyList<string> ClassNames => ["Cohere2ForCausalLM"];

    public override string Name => "cohere2";

    public override string Defaults => """
        {
          "vocab_size": 256000, "hidden_size": 8192, "intermediate_size": 22528, "num_hidden_layers": 40, "num_attention_heads": 64,
          "max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "logit_scale": 0.0625, "sliding_window": 4096, "rotary_pct": 1.0
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "command-r" };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        if (config.FindBoolean("attention_bias") is true)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Cohere 2 has no bias after attention, the checkpoint does (attention_bias).");
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden] },
            { "model.norm.weight", "output_norm.weight", [sizes.Hidden] },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden] },
        };
        table.AddAttention(sizes);
        table.AddGatedFeedForward(sizes);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        if (!RopeParameters.From(config).IsPlain)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: Cohere 2 with scaled rotary positions cannot be converted.");
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("logit_scale"), (float)config.Number(float.MinValue, float.MaxValue, "logit_scale"));
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        metadata.Set(Key("rope.dimension_count"), (uint)(config.Number(0, 1, "rotary_pct") * DecoderSizes.From(config).HeadLength));
        metadata.Set(Key("rope.scaling.type"), "none");
        // llama.cpp's converter never writes this, so other patterns come out wrong there.
        if (SlidingPattern.Find(config, Layers(config), Pattern) is var pattern and not Pattern)
            metadata.Set(Key("attention.sliding_window_pattern"), (uint)pattern);
    }
}
