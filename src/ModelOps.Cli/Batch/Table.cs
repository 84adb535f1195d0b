using CsvHelper;

namespace ModelOps.Cli.Batch;

/// <summary>Tables as RFC 4180 has them, whatever the culture. A stray quote is text, as in every spreadsheet.</summary>
internal static class Table
{
    public static CsvReader Reader(TextReader reader, BatchFormat format) => CsvReader.Create(
        reader,
        // The header is read as a record, so that its names stay as they are; numbers of lines are for messages.
        new CsvReaderOptions { Separator = Separator(format), HasHeader = false, DetectSeparatorHint = false, TrackLineNumbers = true },
        leaveOpen: true);

    public static CsvWriter Writer(TextWriter writer, BatchFormat format) => CsvWriter.Create(
        writer,
        // Quotes around values that begin or end with a space, which Import-Csv and others would drop.
        new CsvWriterOptions { Separator = Separator(format), NewLine = "\n", Quoting = CsvQuoting.WhenNeededOrWhitespace },
        leaveOpen: true);

    /// <summary>The values of the next record; null after the last.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static async Task<string[]?> NextAsync(CsvReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(cancellationToken) ? [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetString)] : null;
        }
        catch (FormatException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The table cannot be read beyond line {reader.LineNumber}: {exception.Message}", null, exception);
        }
    }

    private static char Separator(BatchFormat format) => format == BatchFormat.Tsv ? '\t' : ',';
}
