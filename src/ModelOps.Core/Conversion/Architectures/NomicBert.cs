namespace ModelOps.Conversion;

/// <summary>nomic-embed-text: BERT with rotary positions and a gated feed-forward network, without biases.</summary>
internal sealed class NomicBert : Encoder
{
    /// <summary>Tokens that the models were trained with, whatever config.json says that they can be stretched to.</summary>
    private const long TrainedPositions = 2048;

    public override IReadOnlyList<string> ClassNames => ["NomicBertModel"];

    public override string Name => "nomic-bert";

    public override string Defaults => """
        {
          "n_positions": 8192, "n_embd": 768, "n_layer": 12, "n_head": 12, "activation_function": "swiglu", "layer_norm_epsilon": 1e-5, "vocab_size": 30528,
          "type_vocab_size": 2, "rotary_emb_base": 10000.0, "max_trained_positions": 2048
        }
        """;

    protected override EncoderKeys Keys { get; } = new("n_positions", "n_embd", "n_inner", "n_head");

    protected override string LayersKey => "n_layer";

    public override string Normalize(string source) => source.StartsWith("bert.", StringComparison.Ordinal) ? source["bert.".Length..] : source;

    public override bool Ignores(string source) => base.Ignores(source) || source.StartsWith("cls.predictions", StringComparison.Ordinal);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (width, feedForward) = (Width(config), config.Size(Keys.FeedForward));
        var table = new TensorTable(Layers(config))
        {
            { "embeddings.word_embeddings.weight", "token_embd.weight", [config.Size("vocab_size"), width] },
            { "embeddings.token_type_embeddings.weight", "token_types.weight", [config.Size("type_vocab_size"), width] },
            { "encoder.layers.*.attn.Wqkv.weight", "blk.*.attn_qkv.weight", [3 * width, width] },
            { "encoder.layers.*.attn.out_proj.weight", "blk.*.attn_output.weight", [width, width] },
            { "encoder.layers.*.mlp.fc11.weight", "blk.*.ffn_up.weight", [feedForward, width] },
            { "encoder.layers.*.mlp.fc12.weight", "blk.*.ffn_gate.weight", [feedForward, width] },
            { "encoder.layers.*.mlp.fc2.weight", "blk.*.ffn_down.weight", [width, feedForward] },
        };
        table.AddLayerNorm("emb_ln", "token_embd_norm", width);
        table.AddLayerNorm("encoder.layers.*.norm1", "blk.*.attn_output_norm", width);
        table.AddLayerNorm("encoder.layers.*.norm2", "blk.*.layer_output_norm", width);
        return table;
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        metadata.Set("tokenizer.ggml.token_type_count", (uint)config.Size("type_vocab_size"));
        base.DescribeTokenizer(files, config, metadata);
    }

    protected override long ContextLength(CheckpointConfig config) => Math.Min(config.Size(Keys.Positions), TrainedPositions);

    protected override void RequireComputable(CheckpointConfig config)
    {
        RequireActivation(config, "activation_function", "swiglu");
        RequireOff(config, "causal", "qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm", "rotary_emb_interleaved", "use_rms_norm", "parallel_block");
        if (config.FindInteger("moe_every_n_layers") is > 0)
            throw Refusal(config, "the bias that a mixture of experts adds after them");
        if (config.FindNumber("rotary_emb_fraction") is { } fraction and not 1)
            throw Refusal(config, $"rotary positions on a part of {fraction} of each head");
        foreach (var key in new[] { "rotary_emb_scale_base", "rotary_scaling_factor" })
        {
            if (config.Find(key) is not null)
                throw Refusal(config, key);
        }
        if (config.Size("max_trained_positions") != TrainedPositions)
            throw Refusal(config, $"a training with other texts than of {TrainedPositions} tokens (max_trained_positions)");
    }
}
