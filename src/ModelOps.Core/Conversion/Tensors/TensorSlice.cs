using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>One of the matrices of a tensor with a further dimension.</summary>
/// <param name="name">Name of the matrix.</param>
/// <param name="whole">The tensor, [matrices, out, in].</param>
/// <param name="index">Which matrix.</param>
internal sealed class TensorSlice(string name, LogicalTensor whole, int index) : LogicalTensor(name, [.. whole.Shape.Skip(1)])
{
    private readonly long _first = index * whole.Shape.Skip(1).Aggregate(1L, (product, length) => product * length);

    public override IReadOnlyList<string> Names => whole.Names;

    public override SafetensorsType Type => whole.Type;

    public override GgmlType? NativeType => whole.NativeType;

    public override bool KeepsType => whole.KeepsType;

    public override IReadOnlyList<BlockFactor> Factors => whole.Factors;

    public override Lattice? Lattice => whole.Lattice;

    public override void Read(CheckpointReader reader, long first, Span<float> destination) => whole.Read(reader, _first + first, destination);

    public override void ReadNative(CheckpointReader reader, long first, Span<byte> destination) => whole.ReadNative(reader, _first + first, destination);

    // Of all matrices: they were quantised alike.
    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader) => whole.SampleLattice(reader);

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows) => whole.ReadLattice(reader, (_first / whole.Shape[^1]) + firstRow, rows);
}
