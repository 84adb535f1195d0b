using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>Weights stored as integer codes with scales and offsets.</summary>
internal abstract class LatticeTensor : DecodedTensor
{
    protected LatticeTensor(string name, IReadOnlyList<long> shape, params IEnumerable<CheckpointTensor?> stored)
        : base(name, shape, stored)
    {
    }

    public abstract override Lattice Lattice { get; }

    /// <summary>Groups of a row.</summary>
    public abstract int Groups { get; }

    /// <summary>The group of each weight of a row; null where those of a group are neighbours.</summary>
    public virtual ReadOnlyMemory<int>? ReadGroupOf(CheckpointReader reader) => null;

    /// <summary>Reads the scales and offsets of rows, [rows, groups], without their codes; from any thread.</summary>
    public abstract void ReadGroups(CheckpointReader reader, long firstRow, Span<float> scales, Span<float> offsets);

    public abstract override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader);

    public abstract override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows);

    protected sealed override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        using var lattice = ReadLattice(reader, firstRow, destination.Length / RowLength);
        lattice.ToWeights(destination);
    }
}
