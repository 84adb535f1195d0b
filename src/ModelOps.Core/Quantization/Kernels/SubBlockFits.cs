namespace ModelOps.Quantization;

/// <summary>Scales and minimums of sub-blocks, and what else <see cref="SubBlockScales"/> knows about each.</summary>
/// <param name="room"><see cref="Numbers"/> for each sub-block.</param>
internal readonly ref struct SubBlockFits(Span<float> room)
{
    /// <summary>Numbers that a sub-block takes.</summary>
    public const int Numbers = 5;

    private readonly Span<float> _room = room;

    private int Count => _room.Length / Numbers;

    /// <summary>0 for a constant sub-block.</summary>
    public Span<float> Scales => _room[..Count];

    /// <summary>What is subtracted, at least 0.</summary>
    public Span<float> Minimums => _room.Slice(Count, Count);

    /// <summary>Both, one after the other.</summary>
    public Span<float> ScalesAndMinimums => _room[..(2 * Count)];

    /// <summary>The sums of what each weight counts.</summary>
    public Span<float> Weights => _room.Slice(2 * Count, Count);

    /// <summary>With <see cref="Origins"/> the codes that were fitted to (<see cref="SubBlockCodes.EncodeFitted"/>); 0 in a constant sub-block.</summary>
    public Span<float> Inverses => _room.Slice(3 * Count, Count);

    /// <summary>See <see cref="Inverses"/>.</summary>
    public Span<float> Origins => _room.Slice(4 * Count, Count);
}
