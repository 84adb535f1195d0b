namespace ModelOps.Conversion;

/// <summary>BERT and the embedding models made like it (bge, e5, MiniLM, arctic-embed); as a classifier with its pooler.</summary>
internal class Bert : Encoder
{
    public override IReadOnlyList<string> ClassNames => ["BertModel", "BertForMaskedLM", "BertForSequenceClassification"];

    public override string Name => "bert";

    public override string Defaults => """
        {
          "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
          "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute"
        }
        """;

    /// <summary>WordPiece as a rule; some models for many languages (paraphrase-multilingual-MiniLM) have XLM-R's tokens.</summary>
    public override TokenizerTraits Tokenizer { get; } = new() { AllowsUnigram = true, HasTokenTypes = true };

    /// <summary>What the library's classes with a head put before the encoder's names.</summary>
    protected virtual string Prefix => "bert.";

    /// <summary>Names with which the tensors of a head for masked words start.</summary>
    protected virtual IReadOnlyList<string> MaskedHead => ["cls.predictions", "cls.seq_relationship"];

    /// <summary>Rows of the position embedding that no position uses.</summary>
    protected virtual long UnusedPositions(CheckpointConfig config) => 0;

    public override string Normalize(string source)
    {
        var name = source.StartsWith(Prefix, StringComparison.Ordinal) ? source[Prefix.Length..] : source;
        // As TensorFlow's checkpoints named the parts of a layer norm.
        return name.EndsWith(".gamma", StringComparison.Ordinal) ? name[..^".gamma".Length] + ".weight"
            : name.EndsWith(".beta", StringComparison.Ordinal) ? name[..^".beta".Length] + ".bias"
            : name;
    }

    public override bool Ignores(string source)
    {
        var name = Normalize(source);
        return name is "embeddings.position_ids" or "embeddings.token_type_ids"
            || (!(IsClassifier && PoolerIsHead) && name.StartsWith("pooler.dense.", StringComparison.Ordinal))
            || MaskedHead.Any(head => name.StartsWith(head, StringComparison.Ordinal));
    }

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (width, feedForward) = (Width(config), config.Size(Keys.FeedForward));
        var table = new TensorTable(Layers(config));
        AddEmbeddings(table, config, width);
        AddAttention(table, width);
        table.AddLinear("encoder.layer.*.intermediate.dense", "blk.*.ffn_up", feedForward, width);
        table.AddLinear("encoder.layer.*.output.dense", "blk.*.ffn_down", width, feedForward);
        table.AddLayerNorm("encoder.layer.*.output.LayerNorm", "blk.*.layer_output_norm", width);
        if (IsClassifier)
            AddHead(table, ClassifierLabels.Count(config), width);
        return table;
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        metadata.Set("tokenizer.ggml.token_type_count", TokenTypes(config));
        base.DescribeTokenizer(files, config, metadata);
    }

    /// <summary>Whether the pooler is a part of the classifier; without one it is left out, as nothing reads it.</summary>
    protected virtual bool PoolerIsHead => true;

    /// <summary>The embeddings of words, positions and types of token, and their norm.</summary>
    protected void AddEmbeddings(TensorTable table, CheckpointConfig config, long width)
    {
        table.Add("embeddings.word_embeddings.weight", "token_embd.weight", [config.Size("vocab_size"), width]);
        var (positions, unused) = (config.Size(Keys.Positions), UnusedPositions(config));
        table.Add(new TensorRule("embeddings.position_embeddings.weight", "position_embd.weight", [positions, width])
        {
            Order = unused == 0 ? null : row => row + unused,
            View = unused == 0 ? null : [ContextLength(config), width],
        });
        if (config.Find("type_vocab_size") is not null)
            table.Add("embeddings.token_type_embeddings.weight", "token_types.weight", [TokenTypes(config), width]);
        table.AddLayerNorm("embeddings.LayerNorm", "token_embd_norm", width);
    }

    /// <summary>The projections of attention, and the norm after it.</summary>
    protected static void AddAttention(TensorTable table, long width)
    {
        table.AddLinear("encoder.layer.*.attention.self.query", "blk.*.attn_q", width, width);
        table.AddLinear("encoder.layer.*.attention.self.key", "blk.*.attn_k", width, width);
        table.AddLinear("encoder.layer.*.attention.self.value", "blk.*.attn_v", width, width);
        table.AddLinear("encoder.layer.*.attention.output.dense", "blk.*.attn_output", width, width);
        table.AddLayerNorm("encoder.layer.*.attention.output.LayerNorm", "blk.*.attn_output_norm", width);
    }

    /// <summary>The classifier: a layer with tanh, which the library calls the pooler, and the outputs.</summary>
    /// <remarks>llama.cpp's converter drops the pooler, and so computes other scores than the model.</remarks>
    protected virtual void AddHead(TensorTable table, long labels, long width)
    {
        table.AddLinear("pooler.dense", "cls", width, width);
        table.AddLinear("classifier", "cls.output", labels, width);
    }

    protected override long ContextLength(CheckpointConfig config)
    {
        var (positions, unused) = (config.Size(Keys.Positions), UnusedPositions(config));
        return positions > unused ? positions - unused : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {Keys.Positions} = {positions}, of which {unused} are not used.");
    }

    protected override void RequireComputable(CheckpointConfig config)
    {
        RequireActivation(config, "hidden_act", "gelu", "gelu_new", "gelu_fast", "gelu_python", "gelu_pytorch_tanh");
        RequireOff(config, "is_decoder", "add_cross_attention");
        if (config.FindText("position_embedding_type") is { } type and not "absolute")
            throw Refusal(config, $"positions of type '{type}'");
    }

    private static uint TokenTypes(CheckpointConfig config) => (uint)config.Size("type_vocab_size", 1);
}
