using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>How the vectors of a text's tokens become one (llama_pooling_type); by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PoolingKind>))]
public enum PoolingKind
{
    /// <summary>Their mean.</summary>
    Mean,
    /// <summary>The first token's (CLS).</summary>
    Cls,
    /// <summary>The last token's.</summary>
    Last,
}

/// <summary>Texts whose vectors are asked for.</summary>
public sealed record EmbeddingRequest
{
    /// <summary>The texts, as the model is to see them (with the prefixes that some models were trained with).</summary>
    public IReadOnlyList<string> Texts { get; init; } = [];
    /// <summary>How a text's tokens become one vector; null is the model's own way, or the mean where its file names none.</summary>
    public PoolingKind? Pooling { get; init; }
    /// <summary>Whether vectors are brought to length 1, so that their dot product is the cosine.</summary>
    public bool Normalize { get; init; } = true;
}

/// <summary>Vectors of texts.</summary>
/// <param name="Vectors">One a text, in the order of the texts: as many numbers as the model's output is wide.</param>
/// <param name="Tokens">Tokens that were read.</param>
public sealed record EmbeddingResult(IReadOnlyList<float[]> Vectors, int Tokens);

/// <summary>Documents that are to be judged by a query.</summary>
public sealed record RerankRequest
{
    /// <summary>What is asked.</summary>
    public string Query { get; init; } = "";
    /// <summary>What may answer it.</summary>
    public IReadOnlyList<string> Documents { get; init; } = [];
}

/// <summary>How well documents answer a query.</summary>
/// <param name="Scores">One a document, in their order; larger is better. The scale is the model's.</param>
/// <param name="Tokens">Tokens that were read.</param>
public sealed record RerankResult(IReadOnlyList<double> Scores, int Tokens);
