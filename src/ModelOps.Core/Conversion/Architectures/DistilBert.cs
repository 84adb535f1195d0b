namespace ModelOps.Conversion;

/// <summary>DistilBERT: BERT with names of its own, without types of token.</summary>
internal sealed class DistilBert : Bert
{
    public override IReadOnlyList<string> ClassNames => ["DistilBertModel", "DistilBertForMaskedLM"];

    public override string Defaults => """
        {
          "vocab_size": 30522, "max_position_embeddings": 512, "n_layers": 6, "n_heads": 12, "dim": 768, "hidden_dim": 3072, "activation": "gelu", "pad_token_id": 0
        }
        """;

    protected override EncoderKeys Keys { get; } = new("max_position_embeddings", "dim", "hidden_dim", "n_heads");

    protected override string LayersKey => "n_layers";

    protected override string Prefix => "distilbert.";

    protected override IReadOnlyList<string> MaskedHead => ["vocab_"];

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var (width, feedForward) = (Width(config), config.Size(Keys.FeedForward));
        var table = new TensorTable(Layers(config));
        AddEmbeddings(table, config, width);
        table.AddLinear("transformer.layer.*.attention.q_lin", "blk.*.attn_q", width, width);
        table.AddLinear("transformer.layer.*.attention.k_lin", "blk.*.attn_k", width, width);
        table.AddLinear("transformer.layer.*.attention.v_lin", "blk.*.attn_v", width, width);
        table.AddLinear("transformer.layer.*.attention.out_lin", "blk.*.attn_output", width, width);
        table.AddLayerNorm("transformer.layer.*.sa_layer_norm", "blk.*.attn_output_norm", width);
        table.AddLinear("transformer.layer.*.ffn.lin1", "blk.*.ffn_up", feedForward, width);
        table.AddLinear("transformer.layer.*.ffn.lin2", "blk.*.ffn_down", width, feedForward);
        table.AddLayerNorm("transformer.layer.*.output_layer_norm", "blk.*.layer_output_norm", width);
        return table;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        // The library has it in the code.
        metadata.Set(Key("attention.layer_norm_epsilon"), 1e-12f);
        base.Describe(config, recipe, metadata);
    }

    protected override double? Epsilon(CheckpointConfig config) => 1e-12;

    protected override void RequireComputable(CheckpointConfig config) => RequireActivation(config, "activation", "gelu");
}
