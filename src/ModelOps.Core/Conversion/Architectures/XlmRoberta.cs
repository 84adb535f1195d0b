namespace ModelOps.Conversion;

/// <summary>XLM-RoBERTa, such as bge-m3 and multilingual-e5, and as a ranker (bge-reranker): RoBERTa with a Unigram tokenizer.</summary>
internal class XlmRoberta : Roberta
{
    public override IReadOnlyList<string> ClassNames => ["XLMRobertaModel", "XLMRobertaForMaskedLM", "XLMRobertaForSequenceClassification"];

    public override string Defaults => """
        {
          "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "hidden_act": "gelu",
          "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
          "position_embedding_type": "absolute"
        }
        """;

    public override TokenizerTraits Tokenizer { get; } = new() { AllowsUnigram = true, IsFairseq = true, HasTokenTypes = true };

    protected override void RequireComputable(CheckpointConfig config)
    {
        if (config.Find("lora_adaptations") is not null)
            throw Refusal(config, "adapters for tasks inside the model, as jina-embeddings-v3 has");
        base.RequireComputable(config);
    }
}
