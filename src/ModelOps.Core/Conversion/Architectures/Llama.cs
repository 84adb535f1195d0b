namespace ModelOps.Conversion;

/// <summary>Llama 1 to 3 and whatever is built like them.</summary>
internal class Llama : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"];

    public override string Name => "llama";

    public override string Defaults => """
        {
          "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false
        }
        """;

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var sizes = DecoderSizes.From(config);
        var table = new TensorTable(Layers(config));
        table.AddEnds(sizes, config.FindBoolean("tie_word_embeddings") ?? false);
        table.AddNorms(sizes);
        table.AddAttention(sizes, isPaired: true);
        AddFeedForward(table, sizes, config);
        return table;
    }

    /// <summary>What stands between attention and the next layer.</summary>
    protected virtual void AddFeedForward(TensorTable table, DecoderSizes sizes, CheckpointConfig config) => table.AddGatedFeedForward(sizes);

    public override IEnumerable<(string Name, TensorSource Tensor)> ComputedTensors(CheckpointConfig config)
        => RopeFactors.Llama3(RopeParameters.From(config), checked((int)DecoderSizes.From(config).HeadLength)) is { } factors
            ? [("rope_freqs.weight", new ComputedTensor(factors))]
            : [];

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        WriteLlamaKeys(config, metadata);
    }

    protected void WriteLlamaKeys(CheckpointConfig config, GgufMetadata metadata)
    {
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size"));
        metadata.Set(Key("rope.dimension_count"), (uint)DecoderSizes.From(config).HeadLength);
    }

    public override void DescribeTokenizer(TokenizerFiles files, CheckpointConfig config, GgufMetadata metadata)
    {
        if (files.FindFlag("add_prefix_space") is { } addPrefix)
            metadata.Set("tokenizer.ggml.add_space_prefix", addPrefix);
        base.DescribeTokenizer(files, config, metadata);
        switch (config.FindInteger("vocab_size"))
        {
            // Code Llama's infill tokens have no names in its tokenizer files; the vocabulary's size gives it away (as upstream).
            case 32016:
                metadata.Set("tokenizer.ggml.prefix_token_id", 32007u);
                metadata.Set("tokenizer.ggml.suffix_token_id", 32008u);
                metadata.Set("tokenizer.ggml.middle_token_id", 32009u);
                metadata.Set("tokenizer.ggml.eot_token_id", 32010u);
                break;
            // The small code models with this vocabulary name a BOS token that they were not trained with (as upstream).
            case 49152:
                metadata.Set("tokenizer.ggml.add_bos_token", false);
                break;
        }
    }
}
