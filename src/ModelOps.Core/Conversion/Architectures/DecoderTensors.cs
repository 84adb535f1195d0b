namespace ModelOps.Conversion;

/// <summary>The parts of a tensor map that nearly all decoders share.</summary>
internal static class DecoderTensors
{
    /// <summary>Embedding, last norm and head; a tied head need not be stored.</summary>
    public static void AddEnds(this TensorTable table, DecoderSizes sizes, bool tied, float normShift = 0)
    {
        table.Add("model.embed_tokens.weight", "token_embd.weight", [sizes.Vocabulary, sizes.Hidden]);
        table.Add("model.norm.weight", "output_norm.weight", [sizes.Hidden], shift: normShift);
        table.Add("lm_head.weight", "output.weight", [sizes.Vocabulary, sizes.Hidden], optional: tied);
    }

    /// <summary>A norm before attention and one before the feed-forward network.</summary>
    public static void AddNorms(this TensorTable table, DecoderSizes sizes)
    {
        table.Add("model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight", [sizes.Hidden]);
        table.Add("model.layers.*.post_attention_layernorm.weight", "blk.*.ffn_norm.weight", [sizes.Hidden]);
    }

    /// <summary>The four projections of attention, and their biases where there are some.</summary>
    /// <param name="table">The map.</param>
    /// <param name="sizes">Sizes.</param>
    /// <param name="isPaired">Whether ggml wants each rotary pair side by side ("normal" RoPE).</param>
    /// <param name="needsBiases">Whether q, k and v must have biases.</param>
    public static void AddAttention(this TensorTable table, DecoderSizes sizes, bool isPaired = false, bool needsBiases = false)
    {
        var query = isPaired ? RowOrders.RotaryPairs(sizes.Heads, sizes.Query) : null;
        var key = isPaired ? RowOrders.RotaryPairs(sizes.KeyValueHeads, sizes.KeyValue) : null;
        table.Add("model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight", [sizes.Query, sizes.Hidden], query);
        table.Add("model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight", [sizes.KeyValue, sizes.Hidden], key);
        table.Add("model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight", [sizes.KeyValue, sizes.Hidden]);
        table.Add("model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight", [sizes.Hidden, sizes.Query]);
        table.Add("model.layers.*.self_attn.q_proj.bias", "blk.*.attn_q.bias", [sizes.Query], query, optional: !needsBiases);
        table.Add("model.layers.*.self_attn.k_proj.bias", "blk.*.attn_k.bias", [sizes.KeyValue], key, optional: !needsBiases);
        table.Add("model.layers.*.self_attn.v_proj.bias", "blk.*.attn_v.bias", [sizes.KeyValue], optional: !needsBiases);
        table.Add("model.layers.*.self_attn.o_proj.bias", "blk.*.attn_output.bias", [sizes.Hidden], optional: true);
    }

    /// <summary>Norms of each head's query and key.</summary>
    public static void AddHeadNorms(this TensorTable table, DecoderSizes sizes)
    {
        table.Add("model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight", [sizes.HeadLength]);
        table.Add("model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight", [sizes.HeadLength]);
    }

    /// <summary>The gated feed-forward network, and its biases where there are some.</summary>
    public static void AddGatedFeedForward(this TensorTable table, DecoderSizes sizes)
    {
        table.Add("model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight", [sizes.FeedForward, sizes.Hidden]);
        table.Add("model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight", [sizes.FeedForward, sizes.Hidden]);
        table.Add("model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", [sizes.Hidden, sizes.FeedForward]);
        table.Add("model.layers.*.mlp.gate_proj.bias", "blk.*.ffn_gate.bias", [sizes.FeedForward], optional: true);
        table.Add("model.layers.*.mlp.up_proj.bias", "blk.*.ffn_up.bias", [sizes.FeedForward], optional: true);
        table.Add("model.layers.*.mlp.down_proj.bias", "blk.*.ffn_down.bias", [sizes.Hidden], optional: true);
    }

    /// <summary>The gated networks of the experts, in either layout.</summary>
    public static void AddGatedExperts(this TensorTable table, long experts, long width, long hidden, string from = "model.layers.*", string to = "blk.*")
    {
        table.AddExpertsOneByOne(experts, width, hidden, from, to);
        table.AddFusedExperts(experts, width, hidden, from, to);
    }

    /// <summary>The gated networks of the experts, each with tensors of its own.</summary>
    public static void AddExpertsOneByOne(this TensorTable table, long experts, long width, long hidden, string from = "model.layers.*", string to = "blk.*")
        => table.AddExperts(
            experts,
            ($"{from}.mlp.experts.#.down_proj.weight", $"{to}.ffn_down_exps.weight", [hidden, width]),
            ($"{from}.mlp.experts.#.gate_proj.weight", $"{to}.ffn_gate_exps.weight", [width, hidden]),
            ($"{from}.mlp.experts.#.up_proj.weight", $"{to}.ffn_up_exps.weight", [width, hidden]));

    /// <summary>
    /// The experts' matrices as transformers 5 may save them: of all experts in one tensor, gate and up together. An alternative to their
    /// tensors one by one.
    /// </summary>
    public static void AddFusedExperts(this TensorTable table, long experts, long width, long hidden, string from = "model.layers.*", string to = "blk.*")
    {
        table.Add($"{from}.mlp.experts.down_proj", $"{to}.ffn_down_exps.weight", [experts, hidden, width], optional: true);
        table.Add(Half($"{to}.ffn_gate_exps.weight", 0));
        table.Add(Half($"{to}.ffn_up_exps.weight", width));

        TensorRule Half(string target, long first) => new($"{from}.mlp.experts.gate_up_proj", target, [experts, 2 * width, hidden])
        {
            Order = RowOrders.PartOfBlocks(width, 2 * width, first),
            View = [experts, width, hidden],
            Optional = true,
        };
    }
}
