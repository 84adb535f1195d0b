namespace ModelOps.Conversion;

/// <summary>Gemma 3's language model, text-only or inside the multimodal checkpoint.</summary>
internal class Gemma3 : Architecture
{
    /// <summary>Layers of the 27B model, whose attention scale llama.cpp derives otherwise.</summary>
    private const long Layers27B = 62;

    /// <summary>llama.cpp assumes every sixth layer to be global unless told.</summary>
    private const int AssumedPattern = 6;

    public override IReadOnlyList<string> ClassNames => ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"];

    public override string Name => "gemma3";

    public override Activation? Activation => Activation.TanhGelu("hidden_activation");

    public override string Defaults => """
        {
          "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
          "head_dim": 256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "sliding_window": 4096, "query_pre_attn_scalar": 256
        }
        """;

    public override bool Ignores(string source)
        => base.Ignores(source) || source.Contains("vision_tower.", StringComparison.Ordinal) || source.Contains("multi_modal_projector.", StringComparison.Ordinal);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var (hidden, feedForward, vocabulary, head) = (sizes.Hidden, sizes.FeedForward, sizes.Vocabulary, sizes.HeadLength);
        var (query, keyValue) = (sizes.Query, sizes.KeyValue);
        // Norms are stored minus one: the library computes x · (1 + w), ggml x · w.
        const float Norm = 1;
        return new TensorTable(Layers(config))
        {
            // Rows past the vocabulary are padding that no token reaches.
            { "model.embed_tokens.weight", "token_embd.weight", [vocabulary, hidden], null, 0, false, vocabulary },
            { "model.norm.weight", "output_norm.weight", [hidden], null, Norm },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, true },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [hidden], null, Norm },
            { "model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight", [query, hidden] },
            { "model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight", [head], null, Norm },
            { "model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight", [keyValue, hidden] },
            { "model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight", [head], null, Norm },
            { "model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight", [keyValue, hidden] },
            { "model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight", [hidden, query] },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.post_attention_norm.weight", [hidden], null, Norm },
            { "model.layers.*.pre_feedforward_layernorm.weight", "blk.*.ffn_norm.weight", [hidden], null, Norm },
            { "model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight", [feedForward, hidden] },
            { "model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight", [feedForward, hidden] },
            { "model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", [hidden, feedForward] },
            { "model.layers.*.post_feedforward_layernorm.weight", "blk.*.post_ffw_norm.weight", [hidden], null, Norm },
        };
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        RequireComputable(config);
        var rope = RopeParameters.From(config);
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("rope.freq_base"), (float)(rope.Theta ?? 1e6));
        metadata.Set(Key("rope.freq_base_swa"), (float)(rope.SlidingTheta ?? 1e4));
        if (config.FindNumber("final_logit_softcapping") is { } cap and not 0)
            metadata.Set(Key("final_logit_softcapping"), (float)cap);
        var pattern = SlidingPattern.Find(config, Layers(config), AssumedPattern);
        if (pattern != 1)
            metadata.Set(Key("attention.sliding_window"), (uint)config.Size("sliding_window"));
        // llama.cpp's converter never writes this, so other patterns than six come out wrong there.
        if (pattern is not 1 and not AssumedPattern)
            metadata.Set(Key("attention.sliding_window_pattern"), (uint)pattern);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        base.DescribeTokenizer(files, config, metadata);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
    }

    /// <summary>The length by whose root llama.cpp divides the products of attention.</summary>
    protected virtual long ScaleLength(CheckpointConfig config, DecoderSizes sizes) => Layers(config) == Layers27B ? sizes.Hidden / sizes.Heads : sizes.HeadLength;

    /// <summary>Refuses what llama.cpp's Gemma 3 would silently compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config)
    {
        if (config.FindNumber("attn_logit_softcapping") is not null)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: Gemma 3 with attn_logit_softcapping cannot be expressed in GGUF.");
        var expected = ScaleLength(config, DecoderSizes.From(config));
        if (config.FindNumber("query_pre_attn_scalar") is { } scalar && scalar != expected)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp scales Gemma 3's attention by 1/√{expected}, the checkpoint says query_pre_attn_scalar = {scalar}.");
    }
}
