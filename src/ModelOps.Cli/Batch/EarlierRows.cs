using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Cli.Batch;

/// <summary>What an earlier run has left in its output: rows that are whole and have an answer are kept, the others are asked again.</summary>
/// <param name="Ids">Items that have their answer.</param>
/// <param name="Header">A table's header; null when there is none.</param>
internal sealed record EarlierRows(IReadOnlySet<string> Ids, IReadOnlyList<string>? Header)
{
    public static EarlierRows None { get; } = new(new HashSet<string>(), null);

    /// <summary>Reads an output, and leaves only what is kept in it.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it is a table of another kind.</exception>
    public static async Task<EarlierRows> KeepAsync(string path, BatchFormat format, CancellationToken cancellationToken)
    {
        var kept = path + ".resume";
        try
        {
            EarlierRows rows;
            using (var reader = new StreamReader(path))
            await using (var writer = new StreamWriter(kept))
            {
                rows = format.IsTable() ? await KeepTableAsync(reader, writer, format, path, cancellationToken) : await KeepLinesAsync(reader, writer, cancellationToken);
            }
            File.Move(kept, path, overwrite: true);
            return rows;
        }
        finally
        {
            File.Delete(kept);
        }
    }

    private static async Task<EarlierRows> KeepLinesAsync(StreamReader reader, StreamWriter writer, CancellationToken cancellationToken)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (Parse(line) is { } row && row[BatchItem.IdColumn] is JsonValue id && row[BatchWriter.ErrorColumn] is null)
            {
                ids.Add(id.ToString());
                await writer.WriteAsync(line + "\n");
            }
        }
        return new EarlierRows(ids, null);
    }

    private static JsonObject? Parse(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null; // the line that was being written when the run ended
        }
    }

    private static async Task<EarlierRows> KeepTableAsync(StreamReader reader, StreamWriter writer, BatchFormat format, string path, CancellationToken cancellationToken)
    {
        using var table = Table.Reader(reader, format);
        await using var kept = Table.Writer(writer, format);
        if (await Table.NextAsync(table, cancellationToken) is not { } header)
        {
            return None;
        }
        var (id, error) = (Array.IndexOf(header, BatchItem.IdColumn), Array.IndexOf(header, BatchWriter.ErrorColumn));
        if (id < 0 || error < 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} is not the output of an earlier run: it has no columns '{BatchItem.IdColumn}' and '{BatchWriter.ErrorColumn}'.", "Choose another --output.");
        }
        await kept.WriteRecordAsync(header, cancellationToken);
        var ids = new HashSet<string>(StringComparer.Ordinal);
        while (await Table.NextAsync(table, cancellationToken) is { } record)
        {
            // The one that was being written has too few values; the error is the last.
            if (record.Length == header.Length && record[error].Length == 0)
            {
                ids.Add(record[id]);
                await kept.WriteRecordAsync(record, cancellationToken);
            }
        }
        return new EarlierRows(ids, header);
    }
}
