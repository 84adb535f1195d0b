namespace ModelOps.Conversion;

/// <summary>Sizes of a tower, of a vision or an audio transformer.</summary>
/// <param name="Hidden">Length of its embeddings.</param>
/// <param name="FeedForward">Width of its feed-forward networks.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Heads">Number of attention heads.</param>
internal sealed record TowerSizes(long Hidden, long FeedForward, long Layers, long Heads)
{
    /// <summary>More layers than any tower has; guards the tables against a config.json that says a billion.</summary>
    private const int MaximumLayers = 4096;

    /// <summary>Reads them by the usual names.</summary>
    public static TowerSizes From(CheckpointConfig tower)
        => new TowerSizes(tower.Size("hidden_size"), tower.Size("intermediate_size"), tower.Size("num_hidden_layers"), tower.Size("num_attention_heads")).Checked(tower);

    /// <summary>These, unless they make no sense.</summary>
    public TowerSizes Checked(CheckpointConfig tower)
    {
        if (Layers > MaximumLayers)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{tower.Path} says that there are {Layers} layers, which cannot be.");
        if (Hidden % Heads != 0)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{tower.Path}: {Heads} heads cannot divide embeddings of {Hidden}.");
        return this;
    }
}
