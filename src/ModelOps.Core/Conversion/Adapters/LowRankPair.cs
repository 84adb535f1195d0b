namespace ModelOps.Conversion;

/// <summary>The two matrices by which an adapter changes a layer: W + scale · B · A; of an embedding, whose rows are tokens, W + scale · (B · A)ᵀ.</summary>
/// <param name="Name">Name of the base model's tensor.</param>
/// <param name="A">[rank, in]; of an embedding [rank, tokens].</param>
/// <param name="B">[out, rank]; of an embedding [width, rank].</param>
/// <param name="IsEmbedding">Whether it changes the rows of an embedding.</param>
/// <param name="Alpha">What is divided by the rank, and is the scale then.</param>
internal sealed record LowRankPair(string Name, PlainTensor A, PlainTensor B, bool IsEmbedding, double Alpha)
{
    public long Rank => A.Shape[0];

    public double Scale => Alpha / Rank;

    /// <summary>Shape of the tensor that it changes, [out, in].</summary>
    public IReadOnlyList<long> Shape => IsEmbedding ? [A.Shape[1], B.Shape[0]] : [B.Shape[0], A.Shape[1]];
}
