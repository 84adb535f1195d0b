namespace ModelOps;

/// <summary>A text and its vector.</summary>
/// <param name="Text">The text.</param>
/// <param name="Embedding">Its vector: as many numbers as the model's output is wide.</param>
/// <param name="Similarity">Its cosine with the vector of the text that was to be compared with; null when there was none.</param>
/// <param name="Model">The model that read it.</param>
/// <param name="Id">Of many texts, which one it is, as its source calls it; null when it has no name.</param>
public sealed record TextEmbedding(string Text, IReadOnlyList<float> Embedding, double? Similarity, string Model, string? Id = null);

/// <summary>A document that was judged by a query.</summary>
/// <param name="Rank">Its place, from 1 on: the best first.</param>
/// <param name="Score">How well it answers the query; larger is better. The scale is the model's.</param>
/// <param name="Document">The document.</param>
/// <param name="Model">The model that judged it.</param>
/// <param name="Id">Of many documents, which one it is, as its source calls it; null when it has no name.</param>
public sealed record RankedDocument(int Rank, double Score, string Document, string Model, string? Id = null);

/// <summary>Documents in the order of how well they answer.</summary>
public static class Ranking
{
    /// <summary>The best first; those of one score in the order they came in.</summary>
    /// <param name="documents">Text and name of each.</param>
    /// <param name="scores">The score of each, in their order.</param>
    /// <param name="model">The model that judged them.</param>
    public static IReadOnlyList<RankedDocument> Of(IReadOnlyList<(string Document, string? Id)> documents, IReadOnlyList<double> scores, string model)
        => [.. documents.Zip(scores).OrderByDescending(pair => pair.Second).Select((pair, place) => new RankedDocument(place + 1, pair.Second, pair.First.Document, model, pair.First.Id))];
}
