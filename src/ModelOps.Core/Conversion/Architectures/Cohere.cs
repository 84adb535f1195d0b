namespace ModelOps.Conversion;

/// <summary>Command R, R+ and Aya: one norm for attention and feed-forward side by side, layer norms without biases, the embedding as head.</summary>
internal sealed class Cohere : Architecture
{
    /// <summary>Layers from which on llama.cpp takes a model for R+, whose queries and keys are normalised.</summary>
    private const long LayersWithNorms = 64;

    public override IReadOnlyList<string> ClassNames => ["CohereForCausalLM"];

    public override string Name => "command-r";

    public override string Defaults => """
        {
          "vocab_size": 256000, "hidden_size": 8192, "intermediate_size": 22528, "num_hidden_layers": 40, "num_attention_heads": 64,
          "max_position_embeddings": 8192, "layer_norm_eps": 1e-5, "rope_theta": 10000.0, "logit_scale": 0.0625, "use_qk_norm": false
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "command-r" };

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        RequireComputable(config, sizes);
        var table = new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden] },
            { "model.norm.weight", "output_norm.weight", [sizes.Hidden] },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden] },
        };
        table.AddAttention(sizes);
        table.AddGatedFeedForward(sizes);
        if (HasNorms(config))
        {
            table.Add("model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight", [sizes.Heads, sizes.HeadLength]);
            table.Add("model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight", [sizes.KeyValueHeads, sizes.HeadLength]);
        }
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        // The longest text that it was trained with; max_position_embeddings is only what the library reserves.
        if (config.FindCount("model_max_length") is { } length)
            metadata.Set(Key("context_length"), length);
        metadata.Set(Key("logit_scale"), (float)config.FindNumber("logit_scale")!.Value);
        metadata.Set(Key("rope.scaling.type"), "none");
    }

    private static bool HasNorms(CheckpointConfig config) => config.FindBoolean("use_qk_norm") is true;

    /// <summary>Refuses what llama.cpp's Command R would compute otherwise, or cannot load.</summary>
    private void RequireComputable(CheckpointConfig config, DecoderSizes sizes)
    {
        Require(RopeParameters.From(config).IsPlain, "rotary positions that are not scaled");
        Require(config.FindBoolean("attention_bias") is not true, "no biases in attention (attention_bias)");
        Require(config.FindBoolean("tie_word_embeddings") is not false, "the embedding as head (tie_word_embeddings)");
        Require(sizes.Query == sizes.Hidden, "heads that divide the width (head_dim)");
        Require(HasNorms(config) == (Layers(config) >= LayersWithNorms), $"norms of queries and keys with {LayersWithNorms} layers or more, and only then (use_qk_norm)");

        void Require(bool holds, string needed)
        {
            if (!holds)
                throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Command R needs {needed}.");
        }
    }
}
