namespace ModelOps.Conversion;

/// <summary>Llama 1 to 3 and whatever is built like them.</summary>
internal class Llama : Architecture
{
    public override IReadOnlyList<string> ClassNames => ["LlamaForCausalLM", "LLaMAForCausalLM"];

    public override string Name => "llama";

    /// <summary>The library's default for an absent <c>num_key_value_heads</c>.</summary>
    protected virtual long KeyValueHeads(CheckpointConfig config, long heads) => config.Size("num_key_value_heads", heads);

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (hidden, feedForward, vocabulary) = (config.Size("hidden_size"), config.Size("intermediate_size"), config.Size("vocab_size", 32000));
        var heads = config.Size("num_attention_heads");
        var keyValueHeads = KeyValueHeads(config, heads);
        var headLength = HeadLength(config);
        var (query, keyValue) = (heads * headLength, keyValueHeads * headLength);
        var (queryOrder, keyOrder) = (RowOrders.RotaryPairs(heads, query), RowOrders.RotaryPairs(keyValueHeads, keyValue));
        var tied = config.FindBoolean("tie_word_embeddings") ?? false;
        return new TensorTable(Layers(config))
        {
            { "model.embed_tokens.weight", "token_embd.weight", [vocabulary, hidden] },
            { "model.norm.weight", "output_norm.weight", [hidden] },
            { "lm_head.weight", "output.weight", [vocabulary, hidden], null, 0, tied },
            { "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [hidden] },
            { "model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight", [query, hidden], queryOrder },
            { "model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight", [keyValue, hidden], keyOrder },
            { "model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight", [keyValue, hidden] },
            { "model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight", [hidden, query] },
            { "model.layers.*.self_attn.q_proj.bias", "blk.*.attn_q.bias", [query], queryOrder, 0, true },
            { "model.layers.*.self_attn.k_proj.bias", "blk.*.attn_k.bias", [keyValue], keyOrder, 0, true },
            { "model.layers.*.self_attn.v_proj.bias", "blk.*.attn_v.bias", [keyValue], null, 0, true },
            { "model.layers.*.self_attn.o_proj.bias", "blk.*.attn_output.bias", [hidden], null, 0, true },
            { "model.layers.*.post_attention_layernorm.weight", "blk.*.ffn_norm.weight", [hidden] },
            { "model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight", [feedForward, hidden] },
            { "model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight", [feedForward, hidden] },
            { "model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", [hidden, feedForward] },
            { "model.layers.*.mlp.gate_proj.bias", "blk.*.ffn_gate.bias", [feedForward], null, 0, true },
            { "model.layers.*.mlp.up_proj.bias", "blk.*.ffn_up.bias", [feedForward], null, 0, true },
            { "model.layers.*.mlp.down_proj.bias", "blk.*.ffn_down.bias", [hidden], null, 0, true },
        };
    }

    public override IEnumerable<(string Name, ComputedTensor Tensor)> ComputedTensors(CheckpointConfig config)
        => RopeFactors.Llama3(RopeParameters.From(config), checked((int)HeadLength(config))) is { } factors
            ? [("rope_freqs.weight", new ComputedTensor(factors))]
            : [];

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        base.Describe(config, recipe, metadata);
        metadata.Set(Key("attention.head_count_kv"), (uint)KeyValueHeads(config, config.Size("num_attention_heads")));
        metadata.Set(Key("vocab_size"), (uint)config.Size("vocab_size", 32000));
        metadata.Set(Key("rope.dimension_count"), (uint)HeadLength(config));
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

    private static long HeadLength(CheckpointConfig config)
        => config.FindInteger("head_dim") is not null ? config.Size("head_dim") : config.Size("hidden_size") / config.Size("num_attention_heads");
}
