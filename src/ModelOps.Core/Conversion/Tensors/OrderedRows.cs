using System.Buffers;
using ModelOps.Quantization;

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
        if (FindWindow(order, firstRow, destination.Length / rowLength, rowLength) is var (lowest, rows))
            ReadWindow(order, firstRow, destination, rowLength, lowest, rows, read);
        else
            ReadRuns(order, firstRow, destination, rowLength, read);
    }

    /// <summary>The same for rows of a lattice.</summary>
    /// <param name="order">The order; null keeps it.</param>
    /// <param name="firstRow">First row of the output.</param>
    /// <param name="rows">How many.</param>
    /// <param name="rowLength">Weights in a row.</param>
    /// <param name="read">Reads so many rows that follow each other.</param>
    public static LatticeRows ReadLattice(RowOrder? order, long firstRow, int rows, int rowLength, Func<long, int, LatticeRows> read)
    {
        if (order is null)
            return read(firstRow, rows);
        LatticeRows? result = null;
        if (FindWindow(order, firstRow, rows, rowLength) is var (lowest, windowRows))
        {
            using var window = read(lowest, windowRows);
            result = window.Like(rows);
            for (var row = 0; row < rows; row++)
                result.CopyRows(window, (int)(order(firstRow + row) - lowest), 1, row);
            return result;
        }
        foreach (var (row, from, count) in Runs(order, firstRow, rows))
        {
            using var run = read(from, count);
            result ??= run.Like(rows);
            result.CopyRows(run, 0, count, row);
        }
        return result!;
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

    private static void ReadRuns<T>(RowOrder order, long firstRow, Span<T> destination, int rowLength, ReadStoredRows<T> read)
    {
        foreach (var (row, from, count) in Runs(order, firstRow, destination.Length / rowLength))
            read(from, destination.Slice(row * rowLength, count * rowLength));
    }

    /// <summary>Rows that follow each other there too, which are read at once: the first here, the first there, how many.</summary>
    private static IEnumerable<(int Row, long From, int Count)> Runs(RowOrder order, long firstRow, int rows)
    {
        for (var (row, run) = (0, 1); row < rows; row += run, run = 1)
        {
            var from = order(firstRow + row);
            while (row + run < rows && order(firstRow + row + run) == from + run)
                run++;
            yield return (row, from, run);
        }
    }

    /// <summary>The rows that hold all that are wanted, when these are not too many more; null when they are.</summary>
    private static (long Lowest, int Rows)? FindWindow(RowOrder order, long firstRow, int rows, int rowLength)
    {
        var (lowest, highest) = Range(order, firstRow, rows);
        return highest - lowest < (long)rows * Excess && (highest - lowest + 1) * rowLength <= WindowLength ? (lowest, (int)(highest - lowest + 1)) : null;
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
