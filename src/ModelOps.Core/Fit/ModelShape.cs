namespace ModelOps;

/// <summary>What the memory model needs to know of a model, from headers only.</summary>
public sealed record ModelShape
{
    /// <summary>Name for people.</summary>
    public required string Name { get; init; }
    /// <summary>GGUF architecture.</summary>
    public required string Architecture { get; init; }
    /// <summary>Layers (block_count).</summary>
    public required int Layers { get; init; }
    /// <summary>Context it was trained for.</summary>
    public required int TrainedContextLength { get; init; }
    /// <summary>Embedding width.</summary>
    public required int EmbeddingLength { get; init; }
    /// <summary>Vocabulary size.</summary>
    public required int VocabularySize { get; init; }
    /// <summary>Attention heads of each layer.</summary>
    public required IReadOnlyList<int> Heads { get; init; }
    /// <summary>Key/value heads of each layer; 0 where there is no KV cache.</summary>
    public required IReadOnlyList<int> KvHeads { get; init; }
    /// <summary>Key head size of each layer.</summary>
    public required IReadOnlyList<int> KeyLengths { get; init; }
    /// <summary>Value head size of each layer; 0 where values are not cached (MLA).</summary>
    public required IReadOnlyList<int> ValueLengths { get; init; }
    /// <summary>Sliding window in tokens; 0 when there is none.</summary>
    public required int SlidingWindow { get; init; }
    /// <summary>Whether each layer attends to the sliding window only.</summary>
    public required IReadOnlyList<bool> IsSlidingWindow { get; init; }
    /// <summary>Bytes of recurrent state of each layer for one sequence.</summary>
    public required IReadOnlyList<long> StateBytes { get; init; }
    /// <summary>Bytes of the weights of each layer.</summary>
    public required IReadOnlyList<long> LayerBytes { get; init; }
    /// <summary>Bytes of the token embedding and other input tensors, which stay on the CPU.</summary>
    public required long InputBytes { get; init; }
    /// <summary>Bytes of the output tensors; tied embeddings count here as well, as the engine loads them twice when the output is on a GPU.</summary>
    public required long OutputBytes { get; init; }
    /// <summary>Whether the output shares the embedding's tensor.</summary>
    public required bool TiedOutput { get; init; }
    /// <summary>Bytes of all tensors.</summary>
    public required long WeightsBytes { get; init; }
    /// <summary>Bytes read to generate one token: all but the embedding rows and the experts that are not used.</summary>
    public required long ActiveBytes { get; init; }

    /// <summary>The shape of a GGUF model.</summary>
    public static ModelShape FromGguf(GgufFile file, string? name = null) => FromHeader(file.Metadata, file.Tensors, name ?? file.Path ?? file.Architecture);

    /// <summary>The shape of a model whose header is known, written or only planned.</summary>
    public static ModelShape FromHeader(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors, string name) => throw new NotImplementedException();
}
