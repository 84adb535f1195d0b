namespace ModelOps.Quantization;

/// <summary>Scales and minimums of sub-blocks, and what else <see cref="SubBlockScales"/> knows about each.</summary>
/// <param name="room">Five times as many numbers as there are sub-blocks.</param>
internal readonly ref struct SubBlockFits(Span<float> room)
{
    private readonly Span<float> _room = room;

    public int Count { get; } = room.Length / 5;

    /// <summary>0 for a constant sub-block.</summary>
    public Span<float> Scales => _room[..Count];

    /// <summary>What is subtracted, at least 0.</summary>
    public Span<float> Minimums => _room.Slice(Count, Count);

    /// <summary>The sums of what each weight counts.</summary>
    public Span<float> Weights => _room.Slice(2 * Count, Count);

    /// <summary>With <see cref="Origins"/>: the codes that were fitted to; 0 in a constant sub-block.</summary>
    public Span<float> Inverses => _room.Slice(3 * Count, Count);

    /// <summary>See <see cref="SubBlockCodes.Encode"/>.</summary>
    public Span<float> Origins => _room.Slice(4 * Count, Count);
}
