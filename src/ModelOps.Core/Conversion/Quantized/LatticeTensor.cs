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

    public abstract override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader);

    public abstract override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows);

    protected sealed override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        using var lattice = ReadLattice(reader, firstRow, destination.Length / RowLength);
        lattice.ToWeights(destination);
    }
}
