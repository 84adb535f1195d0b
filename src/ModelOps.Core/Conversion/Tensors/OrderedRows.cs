using System.Buffers;

namespace ModelOps.Conversion;

/// <summary>Gives, for a row of the output, the row of the checkpoint's tensor that it is.</summary>
internal delegate long RowOrder(long outputRow);

/// <summary>Reads rows from the start of a span's row on, as they are stored.</summary>
internal delegate void ReadStoredRows<T>(long firstRow, Span<T> rows);

/// <summary>Reads rows in another order than they are stored in, with as few reads as that takes.</summary>
internal static class OrderedRows
{
    /// <summary>How much more may be read than is used, to have neighbours in one read: every second row, the two halves of heads.</summary>
    private const int Excess = 4;

    private const int WindowLength = 1 << 22;

    /// <param name="order">The order; null keeps it.</param>
    /// <param name="firstRow">First row of the output.</param>
    /// <param name="destination">Whole rows.</param>
    /// <param name="rowLength">Length of a row in <typeparamref name="T"/>.</param>
    /// <param name="read">Reads rows that follow each other.</param>
    public static void Read<T>(RowOrder? order, long firstRow, Span<T> destination, int rowLength, ReadStoredRows<T> read)
    {
        if (order is null)
        {
            read(firstRow, destination);
            return;
        }
        var rows = destination.Length / rowLength;
        var (lowest, highest) = Range(order, firstRow, rows);
        if (highest - lowest < (long)rows * Excess && (highest - lowest + 1) * rowLength <= WindowLength)
            ReadWindow(order, firstRow, destination, rowLength, lowest, (int)(highest - lowest + 1), read);
        else
            ReadRuns(order, firstRow, destination, rowLength, read);
    }

    private static void ReadWindow<T>(RowOrder order, long firstRow, Span<T> destination, int rowLength, long lowest, int windowRows, ReadStoredRows<T> read)
    {
        var buffer = ArrayPool<T>.Shared.Rent(windowRows * rowLength);
        try
        {
            var window = buffer.AsSpan(0, windowRows * rowLength);
            read(lowest, window);
            for (var row = 0; row < destination.Length / rowLength; row++)
                window.Slice((int)(order(firstRow + row) - lowest) * rowLength, rowLength).CopyTo(destination[(row * rowLength)..]);
        }
        finally
        {
            ArrayPool<T>.Shared.Return(buffer);
        }
    }

    /// <summary>Rows that follow each other there too are read at once.</summary>
    private static void ReadRuns<T>(RowOrder order, long firstRow, Span<T> destination, int rowLength, ReadStoredRows<T> read)
    {
        var rows = destination.Length / rowLength;
        for (var (row, run) = (0, 1); row < rows; row += run, run = 1)
        {
            var from = order(firstRow + row);
            while (row + run < rows && order(firstRow + row + run) == from + run)
                run++;
            read(from, destination.Slice(row * rowLength, run * rowLength));
        }
    }

    private static (long Lowest, long Highest) Range(RowOrder order, long firstRow, int rows)
    {
        var (lowest, highest) = (long.MaxValue, long.MinValue);
        for (var row = 0; row < rows; row++)
        {
            var from = order(firstRow + row);
            (lowest, highest) = (Math.Min(lowest, from), Math.Max(highest, from));
        }
        return (lowest, highest);
    }
}
