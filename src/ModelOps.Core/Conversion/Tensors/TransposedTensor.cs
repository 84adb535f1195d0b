using System.Runtime.InteropServices;

namespace ModelOps.Conversion;

/// <summary>Columns of the matrices of a stored tensor.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct ColumnRange(long First, long Count);

/// <summary>
/// The transposed of each matrix of a tensor, or of some of its columns: a row of it is a column there. Nothing is held; asked for several
/// rows, it reads a strip of as many columns, which is why <see cref="RowsAtOnce"/> are best asked for together.
/// </summary>
internal sealed class TransposedTensor(TensorSource stored, ColumnRange columns) : TensorSource
{
    /// <summary>
    /// Weights of a strip: a matrix of 5,120 rows is read in pieces of 400 columns then, and what a thread holds (the strip in F32 and as
    /// it is encoded) stays under 16 MiB. Fewer would mean many small reads, more would not be much faster.
    /// </summary>
    private const long StripWeights = 1 << 21;

    /// <summary>Rows that are turned at a time: their pieces fit into the processor's cache.</summary>
    private const int Band = 16;

    public override IReadOnlyList<string> Names => stored.Names;

    public override SafetensorsType Type => stored.Type;

    public override IReadOnlyList<long> Shape { get; } = [stored.Shape[1], columns.Count, .. stored.Shape.Skip(2)];

    public override bool KeepsRows => false;

    /// <summary>Blocks of several weights along a row cannot be turned.</summary>
    public override GgmlType? NativeType => stored.NativeType is { } type && type.BlockLength() == 1 ? type : null;

    public override long RowsAtOnce => Math.Clamp(StripWeights / RowLength, 1, columns.Count);

    public override void ReadRows(CheckpointReader reader, long firstRow, Span<float> destination)
        => Read(firstRow, destination, (row, column, piece) => stored.ReadColumns(reader, row, column, piece));

    public override void ReadNativeRows(CheckpointReader reader, long firstRow, Span<byte> destination)
    {
        switch (NativeType!.Value.RowBytes(1))
        {
            case sizeof(ushort):
                Read(firstRow, MemoryMarshal.Cast<byte, ushort>(destination), (row, column, piece) => stored.ReadNativeColumns(reader, row, column, MemoryMarshal.AsBytes(piece)));
                break;
            default:
                Read(firstRow, MemoryMarshal.Cast<byte, uint>(destination), (row, column, piece) => stored.ReadNativeColumns(reader, row, column, MemoryMarshal.AsBytes(piece)));
                break;
        }
    }

    private void Read<T>(long firstRow, Span<T> destination, ReadPiece<T> read)
    {
        var length = checked((int)RowLength);
        while (!destination.IsEmpty)
        {
            var (matrix, column) = Math.DivRem(firstRow, columns.Count);
            var count = checked((int)Math.Min(columns.Count - column, destination.Length / length));
            Turn(matrix * length, columns.First + column, count, destination[..(count * length)], read);
            destination = destination[(count * length)..];
            firstRow += count;
        }
    }

    /// <summary>Writes <paramref name="count"/> columns of the matrix that begins at a row, one after the other.</summary>
    private void Turn<T>(long matrixRow, long firstColumn, int count, Span<T> destination, ReadPiece<T> read)
    {
        var length = (int)RowLength;
        var band = new T[Band * count];
        for (var row = 0; row < length; row += Band)
        {
            var rows = Math.Min(Band, length - row);
            for (var i = 0; i < rows; i++)
                read(matrixRow + row + i, firstColumn, band.AsSpan(i * count, count));
            for (var column = 0; column < count; column++)
            {
                var turned = destination.Slice((column * length) + row, rows);
                for (var i = 0; i < turned.Length; i++)
                    turned[i] = band[(i * count) + column];
            }
        }
    }

    private delegate void ReadPiece<T>(long row, long firstColumn, Span<T> piece);
}
