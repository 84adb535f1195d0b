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

    /// <summary>Bits of a code.</summary>
    public required int Bits { get; init; }

    /// <summary>Whether codes have a sign.</summary>
    public bool IsSigned { get; init; }

    public override Lattice Lattice => IsSigned ? new Lattice(-(1 << (Bits - 1)), (1 << (Bits - 1)) - 1, _scales.ColumnsPerScale, IsBiased) : Lattice.OfBits(Bits, _scales.ColumnsPerScale, IsBiased);

    public override int Groups => _scales.Columns;

    public override ReadOnlyMemory<int>? ReadGroupOf(CheckpointReader reader) => GroupIndex?.Read(reader, _scales.ColumnsPerScale);

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader)
    {
        if (ReadGroupOf(reader) is not null)
            return null;
        var groups = new List<LatticeGroup>();
        foreach (var (first, rows) in SampledRuns.Of(Shape.Aggregate(1L, (product, length) => product * length) / RowLength, _scales.Columns))
        {
            var (scales, offsets) = (new float[rows * _scales.Columns], new float[rows * _scales.Columns]);
            ReadGroups(reader, first, scales, offsets);
            groups.AddRange(scales.Zip(offsets, (scale, offset) => LatticeGroup.Of(scale, offset, IsBiased)));
        }
        return groups;
    }

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var lattice = new LatticeRows(rows, RowLength, _scales.Columns) { GroupLength = _scales.ColumnsPerScale, IsBiased = IsBiased, GroupOf = ReadGroupOf(reader) };
        _codes.Read(reader, firstRow, lattice.Codes);
        ReadGroups(reader, firstRow, lattice.Scales, lattice.Offsets);
        return lattice;
    }

    public override void ReadGroups(CheckpointReader reader, long firstRow, Span<float> scales, Span<float> offsets)
    {
        _scales.Read(reader, firstRow, scales);
        if (Factor != 1)
        {
            foreach (ref var scale in scales)
                scale *= Factor;
        }
        if (Offsets is null)
            offsets.Fill(Zero);
        else
            Offsets.Read(reader, firstRow, offsets);
    }
}
