namespace ModelOps.Conversion;

/// <summary>Mamba 2: state spaces in every layer, no attention.</summary>
internal sealed class Mamba2 : Architecture
{
    /// <summary>Nothing bounds the context; llama.cpp's converter writes this.</summary>
    private const uint Context = 1 << 20;

    public override IReadOnlyList<string> ClassNames => ["Mamba2ForCausalLM"];

    public override string Name => "mamba2";

    public override string Defaults => """
        {
          "vocab_size": 32768, "hidden_size": 4096, "num_hidden_layers": 64, "num_heads": 128, "head_dim": 64, "state_size": 128, "expand": 2, "conv_kernel": 4,
          "n_groups": 8, "layer_norm_epsilon": 1e-5, "use_bias": false, "use_conv_bias": true, "tie_word_embeddings": false
        }
        """;

    public override string Normalize(string source)
        => source.StartsWith("model.backbone", StringComparison.Ordinal) || source.StartsWith("model.lm_head", StringComparison.Ordinal) ? source["model.".Length..] : source;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (mixer, vocabulary) = (Mixer(config), config.Size("vocab_size"));
        mixer.RequireComputable(config, ["use_bias"], "use_conv_bias");
        if (config.Size("expand") * mixer.Hidden != mixer.Inner)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {mixer.Heads} heads of {config.Size("head_dim")} for a width of {config.Size("expand")} · {mixer.Hidden}, which cannot be.");
        var table = new TensorTable(Layers(config))
        {
            { "backbone.embeddings.weight", "token_embd.weight", [vocabulary, mixer.Hidden] },
            { "backbone.norm_f.weight", "output_norm.weight", [mixer.Hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, mixer.Hidden], null, 0, config.FindBoolean("tie_word_embeddings") ?? false },
            { "backbone.layers.*.norm.weight", "blk.*.attn_norm.weight", [mixer.Hidden] },
        };
        mixer.AddTo(table, "backbone.layers.*.mixer");
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        metadata.Set(Key("context_length"), Context);
        metadata.Set(Key("embedding_length"), (uint)config.Size("hidden_size"));
        // Unused, but llama.cpp wants them.
        metadata.Set(Key("feed_forward_length"), 0u);
        metadata.Set(Key("attention.head_count"), 0u);
        metadata.Set(Key("block_count"), (uint)Layers(config));
        metadata.Set(Key("ssm.conv_kernel"), (uint)config.Size("conv_kernel"));
        metadata.Set(Key("ssm.inner_size"), (uint)Mixer(config).Inner);
        metadata.Set(Key("ssm.state_size"), (uint)config.Size("state_size"));
        metadata.Set(Key("ssm.time_step_rank"), (uint)config.Size("num_heads"));
        metadata.Set(Key("ssm.group_count"), (uint)config.Size("n_groups"));
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.Number(0, 1, "layer_norm_epsilon"));
        metadata.Set("general.file_type", (uint)recipe.FileType);
    }

    private static Mamba2Mixer Mixer(CheckpointConfig config) => new(
        config.Size("hidden_size"), config.Size("num_heads"), config.Size("num_heads") * config.Size("head_dim"), config.Size("state_size"), config.Size("n_groups"), config.Size("conv_kernel"));
}
