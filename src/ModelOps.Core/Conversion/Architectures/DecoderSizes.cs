namespace ModelOps.Conversion;

/// <summary>The sizes that a decoder's tensors are made of, by the library's names in config.json.</summary>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="FeedForward">Width inside the feed-forward network.</param>
/// <param name="Vocabulary">Rows of the embedding.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key/value heads.</param>
/// <param name="HeadLength">Dimensions of a head.</param>
internal sealed record DecoderSizes(long Hidden, long FeedForward, long Vocabulary, long Heads, long KeyValueHeads, long HeadLength)
{
    /// <summary>Far more than any head has; factors are computed for each dimension before a tensor's shape is looked at.</summary>
    public const long MaximumHeadLength = 1 << 16;

    /// <summary>Rows of the query projection.</summary>
    public long Query => Heads * HeadLength;

    /// <summary>Rows of the key and of the value projection.</summary>
    public long KeyValue => KeyValueHeads * HeadLength;

    /// <param name="config">config.json.</param>
    /// <param name="feedForward">Width of the feed-forward network where config.json says it otherwise than as one number.</param>
    public static DecoderSizes From(CheckpointConfig config, long? feedForward = null)
    {
        var (hidden, heads) = (config.Size("hidden_size"), config.Size("num_attention_heads"));
        // Absent or null: as many as heads, and the width divided among them.
        var keyValueHeads = config.Find("num_key_value_heads") is null ? heads : config.Size("num_key_value_heads");
        var headLength = config.Find("head_dim") is null ? hidden / heads : config.Size("head_dim");
        if (headLength is 0 or > MaximumHeadLength)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{config.Path} says hidden_size = {hidden} with {heads} heads of {headLength}, which cannot be.");
        return new DecoderSizes(hidden, feedForward ?? config.Size("intermediate_size"), config.Size("vocab_size"), heads, keyValueHeads, headLength);
    }
}
