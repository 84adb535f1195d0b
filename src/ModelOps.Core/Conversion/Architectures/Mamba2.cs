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
        var (hidden, vocabulary, inner, heads) = (config.Size("hidden_size"), config.Size("vocab_size"), Inner(config), config.Size("num_heads"));
        RequireComputable(config, inner, heads);
        var groups = config.Size("n_groups");
        var convolved = inner + (2 * groups * config.Size("state_size"));
        var (length, width) = (config.Size("conv_kernel"), inner / groups);
        return new TensorTable(Layers(config))
        {
            { "backbone.embeddings.weight", "token_embd.weight", [vocabulary, hidden] },
            { "backbone.norm_f.weight", "output_norm.weight", [hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, config.FindBoolean("tie_word_embeddings") ?? false },
            { "backbone.layers.*.norm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "backbone.layers.*.mixer.in_proj.weight", "blk.*.ssm_in.weight", [inner + convolved + heads, hidden] },
            { "backbone.layers.*.mixer.out_proj.weight", "blk.*.ssm_out.weight", [hidden, inner] },
            { "backbone.layers.*.mixer.dt_bias", "blk.*.ssm_dt.bias", [heads] },
            { "backbone.layers.*.mixer.conv1d.bias", "blk.*.ssm_conv1d.bias", [convolved] },
            new TensorRule("backbone.layers.*.mixer.conv1d.weight", "blk.*.ssm_conv1d.weight", [convolved, 1, length]) { View = [convolved, length] },
            new TensorRule("backbone.layers.*.mixer.A_log", "blk.*.ssm_a", [heads]) { View = [heads, 1], IsLogarithm = true },
            new TensorRule("backbone.layers.*.mixer.D", "blk.*.ssm_d", [heads]) { View = [heads, 1] },
            new TensorRule("backbone.layers.*.mixer.norm.weight", "blk.*.ssm_norm.weight", [inner]) { View = [groups, width] },
        };
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
        metadata.Set(Key("ssm.inner_size"), (uint)Inner(config));
        metadata.Set(Key("ssm.state_size"), (uint)config.Size("state_size"));
        metadata.Set(Key("ssm.time_step_rank"), (uint)config.Size("num_heads"));
        metadata.Set(Key("ssm.group_count"), (uint)config.Size("n_groups"));
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.FindNumber(0, 1, "layer_norm_epsilon")!.Value);
        metadata.Set("general.file_type", (uint)recipe.FileType);
    }

    private static long Inner(CheckpointConfig config) => config.Size("expand") * config.Size("hidden_size");

    private static void RequireComputable(CheckpointConfig config, long inner, long heads)
    {
        if (config.FindBoolean("use_bias") is true || config.FindBoolean("use_conv_bias") is false)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Mamba 2 has biases in its convolutions and nowhere else, the checkpoint otherwise (use_bias, use_conv_bias).");
        if (heads * config.Size("head_dim") != inner || inner % config.Size("n_groups") != 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {heads} heads of {config.Size("head_dim")} and {config.Size("n_groups")} groups for a width of {inner}, which cannot be.");
    }
}
