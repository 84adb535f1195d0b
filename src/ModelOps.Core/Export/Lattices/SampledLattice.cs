using ModelOps.Conversion;

namespace ModelOps.Export;

/// <summary>A lattice that takes its weights to be read, so that a plan looks at a sample only.</summary>
/// <param name="tensor">The weights, [out, in].</param>
internal abstract class SampledLattice(LogicalTensor tensor) : ExportLattice
{
    protected LogicalTensor Tensor => tensor;

    protected int RowLength { get; } = checked((int)tensor.Shape[^1]);

    public override IEnumerable<(long First, int Rows)> Surveyed => Sample(tensor.Shape[0]);

    public override (float[] Scales, float[] Offsets) ReadGroups(CheckpointReader reader, long firstRow, int rows)
    {
        using var lattice = Read(reader, firstRow, rows, new float[rows * RowLength]);
        return (lattice.Scales.ToArray(), lattice.Offsets.ToArray());
    }
}
