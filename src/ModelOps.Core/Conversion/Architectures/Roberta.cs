namespace ModelOps.Conversion;

/// <summary>RoBERTa: BERT with a byte-level tokenizer, whose positions start after the padding token's id.</summary>
internal class Roberta : Bert
{
    public override IReadOnlyList<string> ClassNames => ["RobertaModel", "RobertaForMaskedLM", "RobertaForSequenceClassification"];

    public override string Defaults => """
        {
          "vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
          "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
          "position_embedding_type": "absolute"
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { PreTokenizer = "roberta-bpe" };

    protected override string Prefix => "roberta.";

    protected override IReadOnlyList<string> MaskedHead => ["lm_head."];

    protected override bool PoolerIsHead => false;

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        Vocabulary.Read(files, config, Tokenizer).Write(files, config, Tokenizer, metadata);
        metadata.Set("tokenizer.ggml.token_type_count", (uint)config.Size("type_vocab_size", 1));
    }

    protected override long UnusedPositions(CheckpointConfig config) => (long?)config.FindCount("pad_token_id") + 1 ?? 0;

    protected override void AddHead(TensorTable table, long labels, long width)
    {
        table.AddLinear("classifier.dense", "cls", width, width);
        table.AddLinear("classifier.out_proj", "cls.output", labels, width);
    }
}
