using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>A tensor with rows of zeros at its end, for tokens that have none of their own.</summary>
internal sealed class PaddedTensor(TensorSource stored, long rows) : TensorSource
{
    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => stored.Type;

    public override IReadOnlyList<long> Shape { get; } = [stored.RowLength, rows];

    public override bool KeepsRows => stored.KeepsRows;

    public override Lattice? Lattice => stored.Lattice;

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var there = (int)(Math.Clamp(stored.Rows - firstRow, 0, destination.Length / RowLength) * RowLength);
        if (there > 0)
            stored.ReadRows(reader, firstRow, destination[..there]);
        destination[there..].Clear();
    }

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader) => stored.SampleLattice(reader);

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        var there = (int)Math.Clamp(stored.Rows - firstRow, 0, rows);
        if (there == rows)
            return stored.ReadLattice(reader, firstRow, rows);
        // Zeros are any codes with scales of zero; what kind of lattice it is, a row tells that is there.
        using var some = stored.ReadLattice(reader, there > 0 ? firstRow : 0, Math.Max(there, 1));
        var result = some.Like(rows);
        result.CopyRows(some, 0, there, 0);
        result.Codes[(there * some.RowLength)..].Clear();
        result.Scales[(there * some.Groups)..].Clear();
        result.Offsets[(there * some.Groups)..].Clear();
        return result;
    }
}
