namespace ModelOps.Conversion;

/// <summary>The tensors of SigLIP's vision transformer, which several families build on.</summary>
internal static class SiglipTensors
{
    /// <summary>Adds the layers and the norm after them, under the library's names behind <paramref name="from"/>.</summary>
    public static void AddSiglip(this TensorTable table, string from, TowerSizes sizes)
    {
        var (hidden, feedForward) = (sizes.Hidden, sizes.FeedForward);
        table.AddLinear($"{from}.encoder.layers.*.layer_norm1", "v.blk.*.ln1", hidden);
        table.AddLinear($"{from}.encoder.layers.*.self_attn.q_proj", "v.blk.*.attn_q", hidden, hidden);
        table.AddLinear($"{from}.encoder.layers.*.self_attn.k_proj", "v.blk.*.attn_k", hidden, hidden);
        table.AddLinear($"{from}.encoder.layers.*.self_attn.v_proj", "v.blk.*.attn_v", hidden, hidden);
        table.AddLinear($"{from}.encoder.layers.*.self_attn.out_proj", "v.blk.*.attn_out", hidden, hidden);
        table.AddLinear($"{from}.encoder.layers.*.layer_norm2", "v.blk.*.ln2", hidden);
        table.AddLinear($"{from}.encoder.layers.*.mlp.fc1", "v.blk.*.ffn_up", feedForward, hidden);
        table.AddLinear($"{from}.encoder.layers.*.mlp.fc2", "v.blk.*.ffn_down", hidden, feedForward);
        table.AddLinear($"{from}.post_layernorm", "v.post_ln", hidden);
    }
}
