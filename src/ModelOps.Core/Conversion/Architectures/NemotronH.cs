using System.Text.Json;

namespace ModelOps.Conversion;

/// <summary>NVIDIA's Nemotron-H and Nemotron Nano 2: Mamba 2, attention without positions, and networks of squared ReLUs, one of them a layer.</summary>
internal class NemotronH : Architecture
{
    /// <summary>Nothing bounds the context; llama.cpp's converter writes this.</summary>
    private const uint Context = 1 << 20;

    /// <summary>Kinds of layer, as the letters of <c>hybrid_override_pattern</c> have them.</summary>
    protected const char Mamba = 'M', Attention = '*', Dense = '-', Experts = 'E';

    public override IReadOnlyList<string> ClassNames => ["NemotronHForCausalLM"];

    public override string Name => "nemotron_h";

    public override Activation? Activation => new("mlp_hidden_act", "relu2");

    public override string Defaults => """
        {
          "vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 21504, "num_attention_heads": 32, "num_key_value_heads": 8,
          "max_position_embeddings": 4096, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": false, "mlp_hidden_act": "relu2",
          "mamba_num_heads": 128, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4
        }
        """;

    public override Architecture Refine(Checkpoint checkpoint) => Kinds(Complete(checkpoint.Config)).Contains(Experts) ? new NemotronHMoe() : this;

    public override long Layers(CheckpointConfig config) => Kinds(config).Length;

    /// <summary>
    /// Names as of the first checkpoints; transformers 5 may say <c>model.</c> instead. The heads that guess further tokens ahead are left
    /// out.
    /// </summary>
    public override string Normalize(string source)
    {
        var name = source.StartsWith("model.", StringComparison.Ordinal) && !source.StartsWith("model.backbone.", StringComparison.Ordinal) ? "backbone." + source["model.".Length..] : source;
        return name.StartsWith("model.backbone.", StringComparison.Ordinal) ? name["model.".Length..] : name.Replace("backbone.embed_tokens.", "backbone.embeddings.", StringComparison.Ordinal);
    }

    public override bool Ignores(string source) => base.Ignores(source) || source.StartsWith("mtp.", StringComparison.Ordinal);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (kinds, mixer, sizes) = (Kinds(config), Mixer(config), Sizes(config));
        RequireComputable(config, kinds);
        mixer.RequireComputable(config, ["use_bias", "mamba_proj_bias"], "use_conv_bias");
        var table = new TensorTable(kinds.Length)
        {
            { "backbone.embeddings.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden] },
            { "backbone.norm_f.weight", "output_norm.weight", [sizes.Hidden] },
            { "lm_head.weight", "output.weight", [sizes.Vocabulary, sizes.Hidden], null, 0, config.FindBoolean("tie_word_embeddings") ?? false },
            { "backbone.layers.*.norm.weight", "blk.*.attn_norm.weight", [sizes.Hidden] },
        };
        mixer.AddTo(table.Of(Where(Mamba)), "backbone.layers.*.mixer");
        AddAttention(table.Of(Where(Attention)), sizes);
        AddFeedForward(table.Of(Where(FeedForward)), sizes, config);
        return table;

        IEnumerable<long> Where(char kind) => TensorTable.LayersFrom(0, kinds.Length).Where(layer => kinds[(int)layer] == kind);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        var (kinds, sizes) = (Kinds(config), Sizes(config));
        CommonMetadata.Write(this, config, recipe, metadata, withHeadLength: false);
        // Transformers 5 saves what experts would be like also where there are none.
        foreach (var key in new[] { "expert_count", "expert_used_count", "expert_group_count", "expert_group_used_count" }.Select(Key).Where(metadata.ContainsKey))
        {
            if (FeedForward != Experts)
                metadata.Set(key, 0u);
        }
        metadata.Set(Key("context_length"), Context);
        metadata.Set(Key("feed_forward_length"), kinds.Select(kind => kind == FeedForward ? checked((int)Width(config)) : 0).ToArray());
        metadata.Set(Key("attention.head_count_kv"), kinds.Select(kind => kind == Attention ? checked((int)sizes.KeyValueHeads) : 0).ToArray());
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), (float)config.Number(0, 1, "rms_norm_eps", "norm_eps", "layer_norm_epsilon"));
        metadata.Set(Key("vocab_size"), (uint)sizes.Vocabulary);
        // Of no use: nothing is rotated.
        metadata.Set(Key("rope.dimension_count"), (uint)(sizes.Hidden / sizes.Heads));
        Mixer(config).Describe(this, metadata);
        metadata.Set(Key("rope.scaling.finetuned"), false);
        metadata.Set(Key("attention.key_length"), (uint)sizes.HeadLength);
        metadata.Set(Key("attention.value_length"), (uint)sizes.HeadLength);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        base.DescribeTokenizer(files, config, metadata);
        // Its tokenizer begins texts so, whatever its configuration says.
        metadata.Set("tokenizer.ggml.add_bos_token", true);
    }

    /// <summary>The kind of layers with a feed-forward network; llama.cpp has but one in a model.</summary>
    protected virtual char FeedForward => Dense;

    /// <summary>Width of such a network, which tells the engine that a layer has one.</summary>
    protected virtual long Width(CheckpointConfig config) => config.Size("intermediate_size");

    protected virtual void AddFeedForward(TensorTable table, DecoderSizes sizes, CheckpointConfig config)
    {
        table.Add("backbone.layers.*.mixer.up_proj.weight", "blk.*.ffn_up.weight", [sizes.FeedForward, sizes.Hidden]);
        table.Add("backbone.layers.*.mixer.up_proj.bias", "blk.*.ffn_up.bias", [sizes.FeedForward], optional: true);
        table.Add("backbone.layers.*.mixer.down_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward]);
        table.Add("backbone.layers.*.mixer.down_proj.bias", "blk.*.ffn_down.bias", [sizes.Hidden], optional: true);
    }

    private static void AddAttention(TensorTable table, DecoderSizes sizes)
    {
        // Nothing is rotated, so the order of a head's dimensions does not matter; it is upstream's.
        Add("q_proj", "attn_q", sizes.Query, sizes.Hidden, RowOrders.RotaryPairs(sizes.Heads, sizes.Query));
        Add("k_proj", "attn_k", sizes.KeyValue, sizes.Hidden, RowOrders.RotaryPairs(sizes.KeyValueHeads, sizes.KeyValue));
        Add("v_proj", "attn_v", sizes.KeyValue, sizes.Hidden);
        Add("o_proj", "attn_output", sizes.Hidden, sizes.Query);

        void Add(string name, string target, long rows, long columns, RowOrder? order = null)
        {
            table.Add($"backbone.layers.*.mixer.{name}.weight", $"blk.*.{target}.weight", [rows, columns], order);
            table.Add($"backbone.layers.*.mixer.{name}.bias", $"blk.*.{target}.bias", [rows], order, optional: true);
        }
    }

    /// <summary>One letter a layer, from the pattern or, in transformers 5, the list of names.</summary>
    private static string Kinds(CheckpointConfig config)
    {
        if (config.Find("layers_block_type", "layer_types") is not { ValueKind: JsonValueKind.Array } list)
        {
            var pattern = config.FindText("hybrid_override_pattern") ?? throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} does not say what its layers are (hybrid_override_pattern, layers_block_type).");
            if (pattern.Length == 0 || pattern.Length != (config.FindInteger("num_hidden_layers") ?? pattern.Length) || pattern.Any(kind => kind is not (Mamba or Attention or Dense or Experts)))
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has the pattern '{pattern}' for {config.FindInteger("num_hidden_layers")} layers, which cannot be.");
            return pattern;
        }
        var kinds = CheckpointJson.Guard(config.Path, () => string.Concat(list.EnumerateArray().Select(kind => kind.GetString() switch
        {
            "mamba" or "linear_attention" => Mamba,
            "attention" or "full_attention" => Attention,
            "mlp" => Dense,
            "moe" => Experts,
            var other => throw new FormatException($"there are no layers of the kind '{other}'"),
        })));
        return kinds.Length > 0 ? kinds : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} has no layers (layers_block_type).");
    }

    protected static DecoderSizes Sizes(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        // Not the usual quotient, and earlier under another name.
        return sizes with { HeadLength = config.Find("head_dim") is not null ? sizes.HeadLength : config.Size("attention_head_dim", 128) };
    }

    private static Mamba2Mixer Mixer(CheckpointConfig config)
    {
        var heads = config.Size("mamba_num_heads");
        return new(config.Size("hidden_size"), heads, heads * config.Size("mamba_head_dim"), config.Size("ssm_state_size"), config.Size("n_groups"), config.Size("conv_kernel"));
    }

    /// <summary>Refuses what llama.cpp's Nemotron-H would compute otherwise.</summary>
    private void RequireComputable(CheckpointConfig config, string kinds)
    {
        (Activation.Silu with { Key = "mamba_hidden_act" }).Require(this, config);
        if (kinds.Contains(Dense) && kinds.Contains(Experts))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's Nemotron-H has either dense layers or experts, the checkpoint both.");
    }
}
