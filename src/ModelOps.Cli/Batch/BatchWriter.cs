using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;

namespace ModelOps.Cli.Batch;

/// <summary>Writes answers, a row an item, each whole and at once.</summary>
internal abstract class BatchWriter : IAsyncDisposable
{
    /// <summary>Column that says why there is no answer.</summary>
    public const string ErrorColumn = "error";

    /// <summary>A writer of rows; a table has its header when <paramref name="header"/> is null (of the first row, then), or as it is given.</summary>
    public static BatchWriter Create(TextWriter writer, BatchFormat format, IReadOnlyList<string> answerColumns, IReadOnlyList<string>? header)
        => format.IsTable() ? new Rows(writer, format, answerColumns, header) : new Lines(writer);

    /// <summary>Writes the row of an answer: the item's own columns, and the answer's, which take the place of own ones of their name.</summary>
    public Task WriteAsync(BatchItem item, IEnumerable<KeyValuePair<string, JsonNode?>> answer)
    {
        var row = item.Columns;
        row.Remove(ErrorColumn);
        foreach (var (name, value) in answer)
        {
            row[name] = value;
        }
        return WriteAsync(row);
    }

    /// <summary>Writes the row of an item that has no answer.</summary>
    public Task WriteAsync(BatchItem item, ModelOpsException error)
        => WriteAsync(item, [new(ErrorColumn, new JsonObject { ["id"] = error.ErrorId, ["message"] = error.Message, ["hint"] = error.Hint })]);

    public abstract ValueTask DisposeAsync();

    protected abstract Task WriteAsync(JsonObject row);

    private sealed class Lines(TextWriter writer) : BatchWriter
    {
        private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

        protected override async Task WriteAsync(JsonObject row)
        {
            await writer.WriteAsync(row.ToJsonString(Compact) + "\n");
            await writer.FlushAsync();
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Rows(TextWriter writer, BatchFormat format, IReadOnlyList<string> answerColumns, IReadOnlyList<string>? header) : BatchWriter
    {
        private readonly CsvWriter _csv = Table.Writer(writer, format);
        private IReadOnlyList<string>? _header = header;

        protected override async Task WriteAsync(JsonObject row)
        {
            if (_header is null)
            {
                _header = HeaderOf(row);
                await WriteAsync([.. _header]);
            }
            // The row of an error only says which item it is about.
            if (row[ErrorColumn] is null && row.FirstOrDefault(column => !_header.Contains(column.Key)) is { Key: { } unknown })
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"The item has a column '{unknown}', which the first did not have: a table's header is written once.", "Write JSON Lines, whose rows may differ.");
            }
            await WriteAsync([.. _header.Select(name => Value(name, row[name]))]);
        }

        public override ValueTask DisposeAsync() => _csv.DisposeAsync();

        private List<string> HeaderOf(JsonObject row)
            => [.. row.Select(column => column.Key).Where(name => name != ErrorColumn && !answerColumns.Contains(name)), .. answerColumns, ErrorColumn];

        private async Task WriteAsync(string[] values)
        {
            await _csv.WriteRecordAsync(values, CancellationToken.None);
            await _csv.FlushAsync(CancellationToken.None);
            await writer.FlushAsync();
        }

        private static string Value(string column, JsonNode? value) => value switch
        {
            null => "",
            JsonObject error when column == ErrorColumn => $"{error["id"]}: {error["message"]}",
            JsonValue => value.ToString(),
            _ => value.ToJsonString(),
        };
    }
}
