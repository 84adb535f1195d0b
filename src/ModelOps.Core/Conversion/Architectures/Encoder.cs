namespace ModelOps.Conversion;

/// <summary>
/// A model that reads a text in both directions and gives vectors instead of tokens: for embeddings, with a classifier on top for ranking.
/// </summary>
internal abstract class Encoder : Architecture
{
    private uint? _pooling;

    /// <summary>Names of the context length, the widths and the heads in config.json: the library's, unless the model has its own.</summary>
    protected virtual EncoderKeys Keys => EncoderKeys.Library;

    /// <summary>Whether the checkpoint is a classifier, and needs the layers that stand on the encoder.</summary>
    protected bool IsClassifier { get; private set; }

    public override Activation? Activation => null;

    /// <summary>The same with what the other files of the checkpoint say.</summary>
    public override Architecture Refine(Checkpoint checkpoint)
    {
        var refined = (Encoder)MemberwiseClone();
        refined._pooling = Pooling.Find(checkpoint);
        refined.IsClassifier = checkpoint.Config.ClassName is { } name && name.EndsWith("ForSequenceClassification", StringComparison.Ordinal);
        return refined;
    }

    public override void Describe(CheckpointConfig config, Recipe recipe, GgufMetadata metadata)
    {
        RequireComputable(config);
        metadata.Set(Key("block_count"), (uint)Layers(config));
        metadata.Set(Key("context_length"), (uint)ContextLength(config));
        metadata.Set(Key("embedding_length"), (uint)config.Size(Keys.Width));
        metadata.Set(Key("feed_forward_length"), (uint)config.Size(Keys.FeedForward));
        metadata.Set(Key("attention.head_count"), (uint)config.Size(Keys.Heads));
        var rope = RopeParameters.From(config);
        if (!rope.IsPlain)
            throw Refusal(config, $"rotary scaling of type '{rope.Type}'");
        Number("rope.freq_base", rope.Theta);
        Number("rope.freq_base_swa", rope.SlidingTheta);
        Number("attention.layer_norm_rms_epsilon", config.FindNumber(0, 1, "norm_eps"));
        Number("attention.layer_norm_epsilon", Epsilon(config));
        metadata.Set("general.file_type", (uint)recipe.FileType);
        metadata.Set(Key("attention.causal"), false);
        if (_pooling is { } pooling)
            metadata.Set(Key("pooling_type"), pooling);
        if (ClassifierLabels.Find(config, IsClassifier) is { } labels)
            metadata.Set(Key("classifier.output_labels"), labels);

        void Number(string key, double? value)
        {
            if (value is { } number)
                metadata.Set(Key(key), (float)number);
        }
    }

    /// <summary>Tokens of the longest text.</summary>
    protected virtual long ContextLength(CheckpointConfig config) => config.Size(Keys.Positions);

    /// <summary>What the layer norms add to the variance.</summary>
    protected virtual double? Epsilon(CheckpointConfig config) => config.FindNumber(0, 1, "layer_norm_eps", "layer_norm_epsilon");

    /// <summary>Refuses what llama.cpp would silently compute otherwise.</summary>
    protected abstract void RequireComputable(CheckpointConfig config);

    /// <summary>Requires one of the activations between the feed-forward network's matrices that the engine has for the architecture.</summary>
    protected void RequireActivation(CheckpointConfig config, string key, params ReadOnlySpan<string> known)
    {
        if (config.FindText(key) is { } activation && known.IndexOf(activation) < 0)
            throw Refusal(config, $"the activation '{activation}' ({key})");
    }

    /// <summary>Requires that a switch of config.json is off, or absent.</summary>
    protected void RequireOff(CheckpointConfig config, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (config.FindBoolean(key) is true)
                throw Refusal(config, key);
        }
    }

    /// <summary>The error for a variant that the engine does not know.</summary>
    protected ModelOpsException Refusal(CheckpointConfig config, string what)
        => new(ErrorKind.UnsupportedArchitecture, $"{config.Path}: llama.cpp's {Name} does not have {what}; it would compute something else.");

    /// <summary>The width of the model; heads must divide it.</summary>
    protected long Width(CheckpointConfig config)
    {
        var (width, heads) = (config.Size(Keys.Width), config.Size(Keys.Heads));
        return width % heads == 0 ? width : throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says {Keys.Width} = {width} with {heads} heads, which cannot be.");
    }
}

/// <summary>config.json's names for an encoder's sizes.</summary>
/// <param name="Positions">Tokens of the longest text.</param>
/// <param name="Width">Width of the residual stream.</param>
/// <param name="FeedForward">Width inside the feed-forward network.</param>
/// <param name="Heads">Heads.</param>
internal sealed record EncoderKeys(string Positions, string Width, string FeedForward, string Heads)
{
    /// <summary>Those that most of the library's classes use.</summary>
    public static EncoderKeys Library { get; } = new("max_position_embeddings", "hidden_size", "intermediate_size", "num_attention_heads");
}
