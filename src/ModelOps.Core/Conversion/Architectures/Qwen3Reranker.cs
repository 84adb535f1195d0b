namespace ModelOps.Conversion;

/// <summary>
/// Qwen 3's rerankers: the answer is how much likelier "yes" is than "no" as the next token, so the two rows of the head are all that is
/// kept of it. Nothing in config.json tells them from a language model; their name does.
/// </summary>
internal sealed class Qwen3Reranker(int yes, int no) : Qwen3
{
    private const string Mark = "qwen3-reranker";

    private const uint Rank = 4;

    private const string Template =
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"
        + "<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n"
        + "<|im_start|>assistant\n<think>\n\n</think>\n\n";

    /// <summary>The reranker that a checkpoint is; null when it is none.</summary>
    public static Qwen3Reranker? Find(Checkpoint checkpoint)
    {
        var isOne = GeneralMetadata.Ids(checkpoint).Any(id => id.Contains(Mark, StringComparison.OrdinalIgnoreCase))
            || ModelCard.ReadText(checkpoint.Find("README.md")).Contains("# " + Mark, StringComparison.OrdinalIgnoreCase);
        if (!isOne)
            return null;
        if (checkpoint.FindJson("tokenizer.json") is not { } tokenizer)
            throw new ModelOpsException(ErrorKind.UnsupportedTokenizer, $"{checkpoint.Folder} has no tokenizer.json, which a reranker needs.");
        return CheckpointJson.Guard("tokenizer.json", () =>
        {
            var vocabulary = tokenizer.GetProperty("model").GetProperty("vocab");
            return new Qwen3Reranker(vocabulary.GetProperty("yes").GetInt32(), vocabulary.GetProperty("no").GetInt32());
        });
    }

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        if (yes < 0 || no < 0 || yes >= sizes.Vocabulary || no >= sizes.Vocabulary)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"tokenizer.json has 'yes' and 'no' as {yes} and {no}, config.json a vocabulary of {sizes.Vocabulary}.");
        return base.Tensors(config);
    }

    protected override void AddEnds(TensorTable table, DecoderSizes sizes, bool tied)
    {
        table.Add(new TensorRule(tied ? "model.embed_tokens.weight" : "lm_head.weight", "cls.output.weight", [sizes.Vocabulary, sizes.Hidden])
        {
            Order = row => row == 0 ? yes : no,
            View = [2, sizes.Hidden],
        });
        table.Add("model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden]);
        table.Add("model.norm.weight", "output_norm.weight", [sizes.Hidden]);
        if (tied)
            table.Add("lm_head.weight", "output.weight", [sizes.Vocabulary, sizes.Hidden], optional: true);
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("pooling_type"), Rank);
        metadata.Set(Key("classifier.output_labels"), new[] { "yes", "no" });
        metadata.Set("tokenizer.chat_template.rerank", Template);
        metadata.Set("tokenizer.chat_templates", new[] { "rerank" });
    }
}
