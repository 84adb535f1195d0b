namespace ModelOps.Tests.Fit;

/// <summary>The plain transformer: the same attention and feed-forward network, or experts, in every layer.</summary>
internal sealed record DenseShape(string Architecture, GgmlType Type, int Layers, int Embedding, int Heads, int KvHeads, int HeadLength, int FeedForward, int Vocabulary, int Context)
{
    public bool HeadNorms { get; init; }
    public bool Tied { get; init; }
    public bool PostNorms { get; init; }
    public bool Biases { get; init; }
    public int Window { get; init; }
    public (int Count, int Used, int Length)? Experts { get; init; }

    public HeaderBuilder Build()
    {
        var header = new HeaderBuilder(Architecture, Type)
            .Common(Layers, Embedding, Heads, FeedForward, Vocabulary, Context, Tied)
            .Heads(KvHeads, HeadLength)
            .Set("rope.dimension_count", HeadLength);
        if (Window > 0)
        {
            header.Set("attention.sliding_window", Window);
        }
        if (Experts is { } mixture)
        {
            header.Mixture(mixture.Count, mixture.Used, mixture.Length);
        }
        for (var layer = 0; layer < Layers; layer++)
        {
            header.Attention(layer, Embedding, Heads * HeadLength, KvHeads * HeadLength, HeadNorms ? HeadLength : 0, Biases);
            if (PostNorms)
            {
                header.Norm(layer, "post_attention_norm.weight", Embedding);
                header.Norm(layer, "post_ffw_norm.weight", Embedding);
            }
            header.Norm(layer, "ffn_norm.weight", Embedding);
            if (Experts is { } experts)
            {
                header.Experts(layer, Embedding, experts.Length, experts.Count);
            }
            else
            {
                header.FeedForward(layer, Embedding, FeedForward);
            }
        }
        return header;
    }
}
