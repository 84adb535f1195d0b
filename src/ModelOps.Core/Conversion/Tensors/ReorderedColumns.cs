using System.Buffers;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>An order for the columns of a matrix, which move in blocks.</summary>
/// <param name="Block">Columns that stay together.</param>
/// <param name="Order">Gives, for a block of the output, the block of the checkpoint's tensor that it is.</param>
internal sealed record ColumnOrder(long Block, RowOrder Order);

/// <summary>A tensor with its columns in another order; rows are read whole and put together anew, one after the other.</summary>
internal sealed class ReorderedColumns(TensorSource stored, ColumnOrder columns) : TensorSource
{
    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => stored.Type;

    public override IReadOnlyList<long> Shape => stored.Shape;

    /// <summary>Whether the groups of a lattice stay whole: they are 32 columns, and any number of them may move together.</summary>
    public override bool KeepsRows => stored.KeepsRows && columns.Block % GgmlType.Q4_0.BlockLength() == 0;

    public override GgmlType? NativeType => stored.NativeType is { } type && columns.Block % type.BlockLength() == 0 ? type : null;

    public override bool KeepsType => NativeType is not null && stored.KeepsType;

    public override Lattice? Lattice => stored.Lattice?.Cut(columns.Block);

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        stored.ReadRows(reader, firstRow, destination);
        Reorder(destination, checked((int)columns.Block));
    }

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
    {
        stored.ReadNativeRows(reader, firstRow, destination);
        Reorder(destination, checked((int)NativeType!.Value.RowBytes(columns.Block)));
    }

    public override IReadOnlyList<LatticeGroup>? SampleLattice(CheckpointReader reader) => stored.SampleLattice(reader);

    public override LatticeRows ReadLattice(CheckpointReader reader, long firstRow, int rows)
    {
        using var whole = stored.ReadLattice(reader, firstRow, rows);
        var lattice = whole.Cut(Lattice!.GroupLength);
        Reorder(lattice.Codes, checked((int)columns.Block));
        var groups = checked((int)columns.Block) / lattice.GroupLength;
        Reorder(lattice.Scales, groups);
        Reorder(lattice.Offsets, groups);
        return lattice;
    }

    private void Reorder<T>(Span<T> rows, int block)
    {
        var blocks = checked((int)(RowLength / columns.Block));
        var length = blocks * block;
        var row = ArrayPool<T>.Shared.Rent(length);
        try
        {
            for (; !rows.IsEmpty; rows = rows[length..])
            {
                rows[..length].CopyTo(row);
                for (var i = 0; i < blocks; i++)
                    row.AsSpan(checked((int)columns.Order(i)) * block, block).CopyTo(rows[(i * block)..]);
            }
        }
        finally
        {
            ArrayPool<T>.Shared.Return(row);
        }
    }
}
