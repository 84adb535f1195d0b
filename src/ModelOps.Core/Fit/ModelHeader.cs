namespace ModelOps;

/// <summary>The header of a whole GGUF model, written or only planned: the first shard's metadata and the tensors of all shards.</summary>
/// <param name="Metadata">Keys and values.</param>
/// <param name="Tensors">Tensors.</param>
public sealed record ModelHeader(GgufMetadata Metadata, IReadOnlyList<GgufTensor> Tensors)
{
    /// <summary>The header of a model in one file.</summary>
    public static ModelHeader Of(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new ModelHeader(file.Metadata, file.Tensors);
    }

    /// <summary>The shape that it describes.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/> when a figure is missing or out of all bounds.</exception>
    public ModelShape ToShape(string name) => ModelShape.FromHeader(Metadata, Tensors, name);
}
