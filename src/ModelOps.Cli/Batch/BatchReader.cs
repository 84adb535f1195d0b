using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Cli.Batch;

/// <summary>Reads items, one by one: an input may be larger than memory.</summary>
/// <param name="Reader">The input.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Column">The column, or member, that holds the text.</param>
internal sealed record BatchReader(TextReader Reader, BatchFormat Format, string Column)
{
    /// <summary>The items. One that is broken is an item with an error; what makes all of them useless (no such column) is thrown.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public IAsyncEnumerable<BatchItem> ReadAsync(CancellationToken cancellationToken = default)
        => Format.IsTable() ? ReadTableAsync(cancellationToken) : ReadLinesAsync(cancellationToken);

    private async IAsyncEnumerable<BatchItem> ReadLinesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (line, number) = (0, 0);
        while (await Reader.ReadLineAsync(cancellationToken) is { } text)
        {
            line++;
            if (string.IsNullOrWhiteSpace(text))
            {
                continue;
            }
            number++;
            yield return Format == BatchFormat.JsonLines
                ? OfJson(text, line, number)
                : new BatchItem($"{number}", new JsonObject { [BatchItem.IdColumn] = number, [Column] = text }, text);
        }
    }

    private BatchItem OfJson(string text, int line, int number)
    {
        JsonObject columns;
        try
        {
            columns = JsonNode.Parse(text) as JsonObject ?? throw new JsonException("it is no object");
            _ = columns.Count; // names that come twice are found now
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            return Broken($"{number}", new JsonObject { [BatchItem.IdColumn] = number }, $"Line {line} is no JSON object: {exception.Message}");
        }
        var id = columns[BatchItem.IdColumn] is JsonValue own ? own.ToString() : null;
        if (id is null)
        {
            columns.Remove(BatchItem.IdColumn);
            columns.Insert(0, BatchItem.IdColumn, number);
        }
        id ??= $"{number}";
        return columns[Column] is JsonValue value && value.ToString() is { Length: > 0 } found
            ? new BatchItem(id, columns, found)
            : Broken(id, columns, $"Line {line} has no text in '{Column}'.");
    }

    private async IAsyncEnumerable<BatchItem> ReadTableAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var table = Table.Reader(Reader, Format);
        if (await Table.NextAsync(table, cancellationToken) is not { } header)
        {
            yield break;
        }
        var place = Array.IndexOf(header, Column);
        if (place < 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The table has no column '{Column}'.", $"It has: {string.Join(", ", header)}. Name one with --column.");
        }
        if (header.Distinct(StringComparer.Ordinal).Count() != header.Length)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The table has two columns of one name.", $"It has: {string.Join(", ", header)}.");
        }
        for (var number = 1; await Table.NextAsync(table, cancellationToken) is { } record; number++)
        {
            yield return OfRecord(header, place, record, table.LineNumber, number);
        }
    }

    private BatchItem OfRecord(string[] header, int place, string[] record, long line, int number)
    {
        var columns = new JsonObject();
        if (!header.Contains(BatchItem.IdColumn))
        {
            columns[BatchItem.IdColumn] = number;
        }
        for (var i = 0; i < header.Length; i++)
        {
            columns[header[i]] = i < record.Length ? record[i] : "";
        }
        var id = columns[BatchItem.IdColumn]!.ToString() is { Length: > 0 } own ? own : $"{number}";
        return record.Length != header.Length ? Broken(id, columns, $"The record of line {line} has {record.Length} values for {header.Length} columns.")
            : record[place].Length == 0 ? Broken(id, columns, $"The record of line {line} has no text in '{Column}'.")
            : new BatchItem(id, columns, record[place]);
    }

    private static BatchItem Broken(string id, JsonObject columns, string message) => new(id, columns, "", new ModelOpsException(ErrorKind.InvalidArgument, message));
}
