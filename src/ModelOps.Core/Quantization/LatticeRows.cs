using System.Buffers;

namespace ModelOps.Quantization;

/// <summary>
/// Rows of weights on a lattice, as checkpoints store them: integer codes, and for each group of a row a scale and an offset. A weight is
/// scale · (code − zero), or scale · code + bias.
/// </summary>
internal sealed class LatticeRows : IDisposable
{
    private readonly short[] _codes;
    private readonly float[] _scales;
    private readonly float[] _offsets;

    /// <param name="rows">Rows.</param>
    /// <param name="rowLength">Weights in a row.</param>
    /// <param name="groups">Groups in a row.</param>
    public LatticeRows(int rows, int rowLength, int groups)
    {
        (Rows, RowLength, Groups) = (rows, rowLength, groups);
        _codes = ArrayPool<short>.Shared.Rent(checked(rows * rowLength));
        _scales = ArrayPool<float>.Shared.Rent(checked(rows * groups));
        _offsets = ArrayPool<float>.Shared.Rent(rows * groups);
        Offsets.Clear();
    }

    public int Rows { get; }

    public int RowLength { get; }

    /// <summary>Groups in a row.</summary>
    public int Groups { get; }

    /// <summary>Weights that share a scale, where they are neighbours; the last group may be shorter.</summary>
    public int GroupLength { get; init; }

    /// <summary>The group of each weight of a row, where they are not neighbours; null where they are.</summary>
    public ReadOnlyMemory<int>? GroupOf { get; set; }

    /// <summary>Whether <see cref="Offsets"/> are added to the products; otherwise they are codes that stand for zero.</summary>
    public bool IsBiased { get; init; }

    /// <summary>Codes, [rows, row length].</summary>
    public Span<short> Codes => _codes.AsSpan(0, Rows * RowLength);

    /// <summary>Scales, [rows, groups].</summary>
    public Span<float> Scales => _scales.AsSpan(0, Rows * Groups);

    /// <summary>Zeros or biases, [rows, groups]; 0 unless set.</summary>
    public Span<float> Offsets => _offsets.AsSpan(0, Rows * Groups);

    /// <summary>What the weights of a group share.</summary>
    public LatticeGroup Group(int row, int group) => LatticeGroup.Of(_scales[(row * Groups) + group], _offsets[(row * Groups) + group], IsBiased);

    /// <summary>Room for as many rows of the same kind.</summary>
    public LatticeRows Like(int rows) => new(rows, RowLength, Groups) { GroupLength = GroupLength, IsBiased = IsBiased, GroupOf = GroupOf };

    /// <summary>The same with groups cut into shorter ones, of a length that theirs is a multiple of.</summary>
    public LatticeRows Cut(int groupLength)
    {
        if (GroupOf is not null)
            throw new InvalidOperationException("Groups whose weights are no neighbours cannot be cut.");
        var result = new LatticeRows(Rows, RowLength, (RowLength + groupLength - 1) / groupLength) { GroupLength = groupLength, IsBiased = IsBiased };
        Codes.CopyTo(result.Codes);
        for (var row = 0; row < Rows; row++)
        {
            for (var group = 0; group < result.Groups; group++)
            {
                var whole = (row * Groups) + (group * groupLength / GroupLength);
                result._scales[(row * result.Groups) + group] = _scales[whole];
                result._offsets[(row * result.Groups) + group] = _offsets[whole];
            }
        }
        return result;
    }

    /// <summary>Copies rows of the same kind to others of these.</summary>
    public void CopyRows(LatticeRows from, int firstRow, int rows, int toRow)
    {
        from.Codes.Slice(firstRow * RowLength, rows * RowLength).CopyTo(Codes[(toRow * RowLength)..]);
        from.Scales.Slice(firstRow * Groups, rows * Groups).CopyTo(Scales[(toRow * Groups)..]);
        from.Offsets.Slice(firstRow * Groups, rows * Groups).CopyTo(Offsets[(toRow * Groups)..]);
    }

    /// <summary>Computes the weights in F32.</summary>
    public void ToWeights(Span<float> weights)
    {
        for (var row = 0; row < Rows; row++)
        {
            var codes = Codes.Slice(row * RowLength, RowLength);
            var scales = Scales.Slice(row * Groups, Groups);
            var offsets = Offsets.Slice(row * Groups, Groups);
            var target = weights.Slice(row * RowLength, RowLength);
            if (GroupOf is { } groupOf)
                Scatter(codes, scales, offsets, groupOf.Span, target);
            else
                Follow(codes, scales, offsets, target);
        }
    }

    public void Dispose()
    {
        ArrayPool<short>.Shared.Return(_codes);
        ArrayPool<float>.Shared.Return(_scales);
        ArrayPool<float>.Shared.Return(_offsets);
    }

    private void Follow(ReadOnlySpan<short> codes, ReadOnlySpan<float> scales, ReadOnlySpan<float> offsets, Span<float> weights)
    {
        for (var group = 0; group < scales.Length && group * GroupLength < codes.Length; group++)
        {
            var start = group * GroupLength;
            var length = Math.Min(GroupLength, codes.Length - start);
            var (scale, offset) = (scales[group], offsets[group]);
            var from = codes.Slice(start, length);
            var to = weights.Slice(start, length);
            for (var i = 0; i < from.Length; i++)
                to[i] = Weight(from[i], scale, offset);
        }
    }

    private void Scatter(ReadOnlySpan<short> codes, ReadOnlySpan<float> scales, ReadOnlySpan<float> offsets, ReadOnlySpan<int> groupOf, Span<float> weights)
    {
        for (var i = 0; i < codes.Length; i++)
            weights[i] = Weight(codes[i], scales[groupOf[i]], offsets[groupOf[i]]);
    }

    private float Weight(short code, float scale, float offset) => IsBiased ? (scale * code) + offset : scale * (code - offset);
}
