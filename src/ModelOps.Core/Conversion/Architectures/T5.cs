namespace ModelOps.Conversion;

/// <summary>T5 and its kin (T5 1.1, Flan, mT5, umT5): an encoder and a decoder that reads it, with biases for relative positions.</summary>
internal class T5 : Architecture
{
    /// <summary>Distance from which on the engine counts all positions as equally far.</summary>
    private const long FarthestDistance = 128;

    private static readonly string[] Embeddings = ["decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "shared.weight"];

    private string _embedding = "shared.weight";

    public override IReadOnlyList<string> ClassNames => ["T5ForConditionalGeneration", "T5WithLMHeadModel", "MT5ForConditionalGeneration", "UMT5ForConditionalGeneration", "UMT5Model"];

    public override string Name => "t5";

    public override Activation? Activation => null;

    public override string Defaults => """
        {
          "vocab_size": 32128, "d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "relative_attention_num_buckets": 32,
          "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "feed_forward_proj": "relu", "pad_token_id": 0, "eos_token_id": 1,
          "decoder_start_token_id": 0, "tie_word_embeddings": true
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { AllowsUnigram = true };

    protected override string LayersKey => "num_layers";

    /// <summary>The same, knowing which of the names for the one embedding the checkpoint has first.</summary>
    public override Architecture Refine(Checkpoint checkpoint)
    {
        var refined = (T5)MemberwiseClone();
        refined._embedding = checkpoint.Tensors.FirstOrDefault(tensor => Embeddings.Contains(tensor.Name))?.Name ?? _embedding;
        return refined;
    }

    public override string Normalize(string source) => source;

    public override bool Ignores(string source) => source != _embedding && Embeddings.Contains(source);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var table = new TensorTable(Layers(config));
        AddEncoder(table, config);
        AddStack(table, config, "decoder", "dec", DecoderLayers(config), crosses: true);
        var isTied = config.FindBoolean("tie_word_embeddings") ?? true;
        table.Add("lm_head.weight", "output.weight", [config.Size("vocab_size"), config.Size("d_model")], optional: isTied || config.ClassName == "UMT5Model");
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        RequireComputable(config);
        metadata.Set(Key("context_length"), (uint)config.Size("n_positions", 512));
        metadata.Set(Key("embedding_length"), (uint)config.Size("d_model"));
        metadata.Set(Key("feed_forward_length"), (uint)config.Size("d_ff"));
        metadata.Set(Key("block_count"), (uint)Layers(config));
        DescribeDecoder(config, metadata);
        metadata.Set(Key("attention.head_count"), (uint)config.Size("num_heads"));
        metadata.Set(Key("attention.key_length"), (uint)config.Size("d_kv"));
        metadata.Set(Key("attention.value_length"), (uint)config.Size("d_kv"));
        var epsilon = (float)(config.FindNumber(0, 1, "layer_norm_epsilon") ?? 1e-6);
        metadata.Set(Key("attention.layer_norm_epsilon"), epsilon);
        metadata.Set(Key("attention.relative_buckets_count"), (uint)config.Size("relative_attention_num_buckets"));
        metadata.Set(Key("attention.layer_norm_rms_epsilon"), epsilon);
        DescribeStart(config, metadata);
        metadata.Set("general.file_type", (uint)recipe.FileType);
    }

    /// <summary>The decoder's number of layers.</summary>
    protected virtual void DescribeDecoder(CheckpointConfig config, GgufMetadata metadata) => metadata.Set(Key("decoder_block_count"), (uint)DecoderLayers(config));

    /// <summary>The token that the decoder starts from.</summary>
    protected virtual void DescribeStart(CheckpointConfig config, GgufMetadata metadata)
        => metadata.Set(Key("decoder_start_token_id"), config.FindCount("decoder_start_token_id") ?? config.FindCount("pad_token_id") ?? 0);

    /// <summary>The embedding and the encoder.</summary>
    protected void AddEncoder(TensorTable table, CheckpointConfig config)
    {
        table.Add(_embedding, "token_embd.weight", [config.Size("vocab_size"), config.Size("d_model")]);
        AddStack(table, config, "encoder", "enc", Layers(config), crosses: false);
    }

    private long DecoderLayers(CheckpointConfig config) => Layers(config, config.Find("num_decoder_layers") is null ? LayersKey : "num_decoder_layers");

    private static void AddStack(TensorTable table, CheckpointConfig config, string source, string target, long layers, bool crosses)
    {
        var (width, feedForward, heads) = (config.Size("d_model"), config.Size("d_ff"), config.Size("num_heads"));
        var inner = heads * config.Size("d_kv");
        var buckets = config.Size("relative_attention_num_buckets");
        // umT5 has a bias for positions in each layer, the others one for all.
        var everyLayer = config.ClassName?.StartsWith("UMT5", StringComparison.Ordinal) is true;
        var isGated = IsGated(config);
        table.Add($"{source}.final_layer_norm.weight", $"{target}.output_norm.weight", [width]);
        for (var layer = 0L; layer < layers; layer++)
        {
            var (from, to) = ($"{source}.block.{layer}.layer", $"{target}.blk.{layer}");
            AddAttention($"{from}.0.SelfAttention", $"{to}.attn");
            table.Add($"{from}.0.SelfAttention.relative_attention_bias.weight", $"{to}.attn_rel_b.weight", [buckets, heads], optional: layer > 0 && !everyLayer);
            table.Add($"{from}.0.layer_norm.weight", $"{to}.attn_norm.weight", [width]);
            if (crosses)
            {
                AddAttention($"{from}.1.EncDecAttention", $"{to}.cross_attn");
                // Early checkpoints have one that is never used.
                table.Add($"{from}.1.EncDecAttention.relative_attention_bias.weight", $"{to}.cross_attn_rel_b.weight", [buckets, heads], optional: true);
                table.Add($"{from}.1.layer_norm.weight", $"{to}.cross_attn_norm.weight", [width]);
            }
            var last = crosses ? 2 : 1;
            if (isGated)
                table.Add($"{from}.{last}.DenseReluDense.wi_0.weight", $"{to}.ffn_gate.weight", [feedForward, width]);
            table.Add($"{from}.{last}.DenseReluDense.{(isGated ? "wi_1" : "wi")}.weight", $"{to}.ffn_up.weight", [feedForward, width]);
            table.Add($"{from}.{last}.DenseReluDense.wo.weight", $"{to}.ffn_down.weight", [width, feedForward]);
            table.Add($"{from}.{last}.layer_norm.weight", $"{to}.ffn_norm.weight", [width]);
        }

        void AddAttention(string from, string to)
        {
            foreach (var part in new[] { "q", "k", "v" })
                table.Add($"{from}.{part}.weight", $"{to}_{part}.weight", [inner, width]);
            table.Add($"{from}.o.weight", $"{to}_o.weight", [width, inner]);
        }
    }

    private static bool IsGated(CheckpointConfig config) => config.FindText("feed_forward_proj")?.StartsWith("gated-", StringComparison.Ordinal) is true;

    private void RequireComputable(CheckpointConfig config)
    {
        if (config.FindText("feed_forward_proj") is var network and not ("relu" or "gated-gelu"))
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} does not have the feed-forward network '{network}', only 'relu' and 'gated-gelu'.");
        if (config.Size("relative_attention_max_distance") is var distance and not FarthestDistance)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} tells distances apart up to {FarthestDistance}, the model up to {distance} (relative_attention_max_distance).");
    }
}
