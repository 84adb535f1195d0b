using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>
/// Numbers that weights share, one for each rectangle of a matrix: of a tensor, of its rows, of groups in a row, of square blocks. Stored
/// [rows, columns] of rectangles, or without the dimensions that are one. Scales as a rule; zeros are stored likewise.
/// </summary>
internal sealed class ScaleGrid : IGroupNumbers
{
    private readonly CheckpointTensor _tensor;
    private readonly SafetensorsType _type;
    private readonly bool _isScale;
    private readonly long _matrixRows;
    private readonly long _gridRows;
    private readonly long _rowsPerScale;

    /// <param name="tensor">The numbers.</param>
    /// <param name="shape">Shape of the weights, [.., out, in]; what precedes is the numbers' as well, or they are shared by all.</param>
    /// <param name="rowsPerScale">Rows of a rectangle.</param>
    /// <param name="columnsPerScale">Columns of a rectangle.</param>
    /// <param name="isScale">Whether the numbers are scales, which must be finite.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>: there are not as many numbers as rectangles.</exception>
    public ScaleGrid(CheckpointTensor tensor, IReadOnlyList<long> shape, long rowsPerScale, long columnsPerScale, bool isScale = true)
    {
        if (rowsPerScale < 1 || columnsPerScale is < 1 or > int.MaxValue)
            throw new ModelOpsException(ErrorKind.CorruptFile, $"Blocks of {rowsPerScale} x {columnsPerScale} weights, by config.json those of '{tensor.Name}', cannot be.");
        (_tensor, _isScale, _rowsPerScale) = (tensor, isScale, rowsPerScale);
        // An exponent of microscaling is often stored in a plain byte.
        _type = tensor.Type == SafetensorsType.U8 ? SafetensorsType.F8_E8M0 : tensor.Type;
        _matrixRows = shape.Count > 1 ? shape[^2] : 1;
        _gridRows = (_matrixRows + rowsPerScale - 1) / rowsPerScale;
        Columns = checked((int)((shape[^1] + columnsPerScale - 1) / columnsPerScale));
        ColumnsPerScale = checked((int)columnsPerScale);
        var matrices = shape.SkipLast(2).Aggregate(1L, (product, length) => checked(product * length));
        if (!StoredNumbers.CanRead(_type))
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"'{tensor.Name}' is stored as {tensor.Type}, which is not known for the scales of weights.");
        if (tensor.Bytes / StoredNumbers.Bytes(_type) != checked(matrices * _gridRows * Columns))
        {
            throw new ModelOpsException(
                ErrorKind.CorruptFile,
                $"'{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}]; weights of [{string.Join(", ", shape)}] in blocks of {rowsPerScale} x {columnsPerScale} need {matrices * _gridRows * Columns:N0} numbers.");
        }
    }

    /// <summary>The grid that scales are by their own shape: of the tensor, of each row, or of groups; of square blocks where those are said.</summary>
    /// <param name="tensor">The scales.</param>
    /// <param name="shape">Shape of the weights, [.., out, in].</param>
    /// <param name="block">Rows and columns of a block by config.json; null when it has none.</param>
    public static ScaleGrid ByShape(CheckpointTensor tensor, IReadOnlyList<long> shape, IReadOnlyList<long>? block)
    {
        var (rows, columns) = (shape.Count > 1 ? shape[^2] : 1, shape[^1]);
        var matrices = shape.SkipLast(2).Aggregate(1L, (product, length) => checked(product * length));
        var count = tensor.Shape.Aggregate(1L, (product, length) => checked(product * length));
        if (block is not null && tensor.Shape.Count >= 2)
            return new ScaleGrid(tensor, shape, block[0], block[1]);
        if (count == matrices)
            return new ScaleGrid(tensor, shape, rows, columns);
        if (count == 1)
            return new ScaleGrid(tensor, [rows * matrices, columns], rows * matrices, columns);
        if (count == checked(matrices * rows) && (tensor.Shape.Count < 2 || tensor.Shape[^1] == 1 || matrices > 1))
            return new ScaleGrid(tensor, shape, 1, columns);
        if (tensor.Shape.Count >= 2 && (tensor.Shape[^2] == rows || tensor.Shape[^2] == 1) && tensor.Shape[^1] > 0 && columns % tensor.Shape[^1] == 0)
            return new ScaleGrid(tensor, shape, rows / tensor.Shape[^2], columns / tensor.Shape[^1]);
        throw new ModelOpsException(
            ErrorKind.CorruptFile,
            $"The scales '{tensor.Name}' [{string.Join(", ", tensor.Shape)}] do not say how they divide weights of [{string.Join(", ", shape)}], and config.json does not either.");
    }

    /// <summary>Numbers for a row.</summary>
    public int Columns { get; }

    /// <summary>Neighbours in a row that share a number.</summary>
    public int ColumnsPerScale { get; }

    /// <summary>Writes the numbers of rows, [rows, <see cref="Columns"/>].</summary>
    public void Read(CheckpointReader reader, long firstRow, Span<float> destination)
    {
        var rows = destination.Length / Columns;
        var (first, last) = (GridRow(firstRow), GridRow(firstRow + rows - 1));
        var count = checked((int)((last - first + 1) * Columns));
        var numberBytes = StoredNumbers.Bytes(_type);
        var bytes = ArrayPool<byte>.Shared.Rent(count * numberBytes);
        var numbers = ArrayPool<float>.Shared.Rent(count);
        try
        {
            reader.Read(_tensor, first * Columns * numberBytes, bytes.AsSpan(0, count * numberBytes));
            StoredNumbers.ToSingle(_type, bytes, numbers.AsSpan(0, count));
            if (_isScale)
                StoredNumbers.RequireFinite(numbers.AsSpan(0, count), _tensor);
            for (var row = 0; row < rows; row++)
                numbers.AsSpan((int)(GridRow(firstRow + row) - first) * Columns, Columns).CopyTo(destination[(row * Columns)..]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<float>.Shared.Return(numbers);
        }
    }

    private long GridRow(long row)
    {
        var (matrix, inMatrix) = Math.DivRem(row, _matrixRows);
        return (matrix * _gridRows) + (inMatrix / _rowsPerScale);
    }
}
