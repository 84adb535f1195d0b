namespace ModelOps.Conversion;

/// <summary>The sizes of multi-head latent attention (DeepSeek-V2, section 2.1), and its tensors.</summary>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Heads">Heads.</param>
/// <param name="QueryRank">Width of the vector that queries are made of; null when they are made of the stream itself.</param>
/// <param name="Rank">Width of the vector that keys and values are made of.</param>
/// <param name="Unrotated">Dimensions of a head's key without positions.</param>
/// <param name="Rotated">Dimensions of a key with positions, one for all heads.</param>
/// <param name="Value">Dimensions of a head's value.</param>
internal sealed record LatentAttention(long Hidden, long Heads, long? QueryRank, long Rank, long Unrotated, long Rotated, long Value)
{
    public static LatentAttention From(CheckpointConfig config) => new(
        config.Size("hidden_size"),
        config.Size("num_attention_heads"),
        config.Find("q_lora_rank") is null ? null : config.Size("q_lora_rank"),
        config.Size("kv_lora_rank"),
        config.Size("qk_nope_head_dim"),
        config.Size("qk_rope_head_dim"),
        config.Size("v_head_dim"));

    /// <summary>Adds the tensors of every layer of a map.</summary>
    public void AddTo(TensorTable table)
    {
        var query = Heads * (Unrotated + Rotated);
        if (QueryRank is { } rank)
        {
            table.Add("model.layers.*.self_attn.q_a_proj.weight", "blk.*.attn_q_a.weight", [rank, Hidden]);
            table.Add("model.layers.*.self_attn.q_a_layernorm.weight", "blk.*.attn_q_a_norm.weight", [rank]);
            table.Add("model.layers.*.self_attn.q_b_proj.weight", "blk.*.attn_q_b.weight", [query, rank]);
        }
        else
        {
            table.Add("model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight", [query, Hidden]);
        }
        table.Add("model.layers.*.self_attn.kv_a_proj_with_mqa.weight", "blk.*.attn_kv_a_mqa.weight", [Rank + Rotated, Hidden]);
        table.Add("model.layers.*.self_attn.kv_a_layernorm.weight", "blk.*.attn_kv_a_norm.weight", [Rank]);
        // [heads · (key above value), rank]: the keys' part goes to the queries' side and is transposed for it.
        table.Add(Part("blk.*.attn_k_b.weight", 0, Unrotated) with { Transposed = new ColumnRange(0, Rank) });
        table.Add(Part("blk.*.attn_v_b.weight", Unrotated, Value));
        table.Add("model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight", [Hidden, Heads * Value]);
    }

    private TensorRule Part(string target, long first, long rows) => new("model.layers.*.self_attn.kv_b_proj.weight", target, [Heads * (Unrotated + Value), Rank])
    {
        Order = RowOrders.PartOfBlocks(rows, Unrotated + Value, first),
        View = [Heads, rows, Rank],
    };
}
