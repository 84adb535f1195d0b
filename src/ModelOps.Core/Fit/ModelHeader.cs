using ModelOps.Formats;

namespace ModelOps;

/// <summary>The header of a whole GGUF model, written or only planned: the first shard's metadata and the tensors of all shards.</summary>
/// <param name="Metadata">Keys and values.</param>
/// <param name="Tensors">Tensors.</param>
public sealed record ModelHeader(GgufMetadata Metadata, IReadOnlyList<GgufTensor> Tensors)
{
    // A vocabulary's size is told by the embedding; that of BERT's second one is a figure of the tokenizer's, which may not have been read.
    private const string TokenTypes = "tokenizer.ggml.token_type_count", TokenTypeEmbedding = "token_types.weight";

    /// <summary>The recipe of a conversion that is only planned, see <see cref="ModelShape.PlannedType"/>; null for a file.</summary>
    public string? PlannedType { get; init; }

    /// <summary>The header of a model in one file.</summary>
    public static ModelHeader Of(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new ModelHeader(file.Metadata, file.Tensors);
    }

    /// <summary>The shape that it describes.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> when a figure is missing or out of all bounds.</exception>
    public ModelShape ToShape(string name) => ModelShape.FromHeader(Metadata, Tensors, name) with { PlannedType = PlannedType };

    /// <summary>
    /// One file with the same figures and tensors, laid out anew: without the vocabulary but for its size, which is all that a shape and the engine's
    /// sizes depend on.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> for what is no model, <see cref="ErrorKind.InvalidArgument"/> for what GGUF cannot hold.</exception>
    internal GgufLayout LayoutWithoutVocabulary() => GgufLayout.Create(Figures(), [.. Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);

    /// <summary>The header of that file.</summary>
    internal ModelHeader WithoutVocabulary() => this with { Metadata = Figures(), Tensors = LayoutWithoutVocabulary().Tensors };

    private GgufMetadata Figures()
    {
        var architecture = Metadata.GetString("general.architecture");
        var figures = new GgufMetadata();
        figures.Set("general.architecture", architecture);
        // The engine takes this for "no tokenizer".
        figures.Set("tokenizer.ggml.model", "none");
        foreach (var (key, value) in Metadata.Where(entry => entry.Key.StartsWith(architecture + ".", StringComparison.Ordinal)))
        {
            figures.Set(key, value);
        }
        figures.Set($"{architecture}.vocab_size", (uint)ToShape("").VocabularySize);
        if (Tensors.FirstOrDefault(tensor => tensor.Name == TokenTypeEmbedding) is { Shape: [_, var types and <= uint.MaxValue] })
        {
            figures.Set(TokenTypes, (uint)types);
        }
        return figures;
    }
}
