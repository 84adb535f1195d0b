using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>A lattice that is stored row by row: compressed-tensors' integers, LLM.int8, MLX.</summary>
internal sealed class RowLatticeTensor : LatticeTensor
{
    private readonly ICodeRows _codes;
    private readonly ScaleGrid _scales;

    public RowLatticeTensor(string name, IReadOnlyList<long> shape, ICodeRows codes, ScaleGrid scales, params IEnumerable<CheckpointTensor?> stored)
        : base(name, shape, stored) => (_codes, _scales) = (codes, scales);

    /// <summary>The code that stands for zero, where it is the same everywhere.</summary>
    public float Zero { get; init; }

    /// <summary>Zeros, or biases; null where <see cref="Zero"/> says all.</summary>
    public IGroupNumbers? Offsets { get; init; }

    /// <summary>Whether <see cref="Offsets"/> are biases.</summary>
    public bool IsBiased { get; init; }

    /// <summary>The group of each weight of a row; null where those of a group are neighbours.</summary>
    public GroupIndex? GroupIndex { get; init; }

    /// <summary>What scales are multiplied with.</summary>
    public float Factor { get; init; } = 1;

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var lattice = new LatticeRows(rows, RowLength, _scales.Columns) { GroupLength = _scales.ColumnsPerScale, IsBiased = IsBiased, GroupOf = GroupIndex?.Read(reader) };
        _codes.Read(reader, firstRow, lattice.Codes);
        _scales.Read(reader, firstRow, lattice.Scales);
        if (Factor != 1)
        {
            foreach (ref var scale in lattice.Scales)
                scale *= Factor;
        }
        if (Offsets is null)
            lattice.Offsets.Fill(Zero);
        else
            Offsets.Read(reader, firstRow, lattice.Offsets);
        return lattice;
    }
}
