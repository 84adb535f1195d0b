namespace ModelOps.Conversion;

/// <summary>ModernBERT: rotary positions, attention to a window in most layers, a gated feed-forward network, no biases.</summary>
internal sealed class ModernBert : Encoder
{
    public override IReadOnlyList<string> ClassNames => ["ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"];

    public override string Name => "modern-bert";

    public override string Defaults => """
        {
          "vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22, "num_attention_heads": 12, "hidden_activation": "gelu",
          "max_position_embeddings": 8192, "norm_eps": 1e-5, "local_attention": 128, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0,
          "global_attn_every_n_layers": 3, "classifier_pooling": "cls", "classifier_activation": "gelu",
          "pad_token_id": 50283, "eos_token_id": 50282, "bos_token_id": 50281, "cls_token_id": 50281, "sep_token_id": 50282
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "modern-bert" };

    public override string Normalize(string source) => source.StartsWith("model.", StringComparison.Ordinal) ? source["model.".Length..] : source;

    public override bool Ignores(string source)
        => base.Ignores(source) || (!IsClassifier && (source.StartsWith("head.", StringComparison.Ordinal) || source.StartsWith("decoder.", StringComparison.Ordinal)));

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (width, feedForward) = (Width(config), config.Size(Keys.FeedForward));
        var table = new TensorTable(Layers(config))
        {
            { "embeddings.tok_embeddings.weight", "token_embd.weight", [config.Size("vocab_size"), width] },
            { "embeddings.norm.weight", "token_embd_norm.weight", [width] },
            { "final_norm.weight", "output_norm.weight", [width] },
            { "layers.*.attn.Wqkv.weight", "blk.*.attn_qkv.weight", [3 * width, width] },
            { "layers.*.attn.Wo.weight", "blk.*.attn_output.weight", [width, width] },
            { "layers.*.mlp_norm.weight", "blk.*.ffn_norm.weight", [width] },
            { "layers.*.mlp.Wi.weight", "blk.*.ffn_up.weight", [2 * feedForward, width] },
            { "layers.*.mlp.Wo.weight", "blk.*.ffn_down.weight", [width, feedForward] },
        };
        // The embedding's norm does for the first layer.
        for (var layer = 1; layer < Layers(config); layer++)
            table.Add($"layers.{layer}.attn_norm.weight", $"blk.{layer}.attn_norm.weight", [width]);
        if (IsClassifier)
        {
            table.Add("head.dense.weight", "cls.weight", [width, width]);
            table.Add("head.norm.weight", "cls.norm.weight", [width]);
            table.AddLinear("classifier", "cls.output", ClassifierLabels.Count(config), width);
        }
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("attention.sliding_window"), (uint)config.Size("local_attention"));
        metadata.Set(Key("attention.sliding_window_pattern"), GlobalEvery(config));
        metadata.Set(Key("rope.scaling.type"), "none");
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        metadata.Set(Key("hidden_activation"), config.FindText("hidden_activation") ?? "gelu");
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        // What the tokenizer's own files say replaces these.
        foreach (var kind in new[] { "bos", "eos", "sep" })
            metadata.Set($"tokenizer.ggml.add_{kind}_token", true);
        base.DescribeTokenizer(files, config, metadata);
    }

    protected override double? Epsilon(CheckpointConfig config) => config.FindNumber(0, 1, "norm_eps");

    protected override void RequireComputable(CheckpointConfig config)
    {
        RequireActivation(config, "hidden_activation", "gelu", "silu");
        RequireOff(config, "attention_bias", "mlp_bias", "norm_bias");
        if (!IsClassifier)
            return;
        RequireOff(config, "classifier_bias");
        RequireActivation(config, "classifier_activation", "gelu");
        if (config.FindText("classifier_pooling") is var pooling and not "mean")
            throw Refusal(config, $"a classifier of the pooling '{pooling}' (it always takes the mean)");
    }

    /// <summary>Every how many layers, from the first on, attention is global.</summary>
    private uint GlobalEvery(CheckpointConfig config)
    {
        var every = config.Size("global_attn_every_n_layers");
        if (LayerTypes.Find(config, Layers(config)) is not { } types)
            return (uint)every;
        // The second global layer tells; a model with only one has a period longer than itself.
        var isGlobal = types.Select(type => type == "full_attention").ToList();
        var second = isGlobal.Count > 1 ? isGlobal.IndexOf(true, 1) : -1;
        foreach (var period in new[] { every, second > 0 ? second : isGlobal.Count })
        {
            if (isGlobal.Select((global, layer) => global == (layer % period == 0)).All(agrees => agrees))
                return (uint)period;
        }
        throw Refusal(config, "global layers that do not recur regularly");
    }
}
