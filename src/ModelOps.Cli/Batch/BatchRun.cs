using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace ModelOps.Cli.Batch;

/// <summary>Works through many items and writes a row for each.</summary>
/// <typeparam name="TResult">What is made of one.</typeparam>
internal sealed class BatchRun<TResult>
{
    /// <summary>Columns of an answer, in a table's order.</summary>
    public required IReadOnlyList<string> Columns { get; init; }
    /// <summary>Done before the first item; not at all when there is nothing to do.</summary>
    public required Func<CancellationToken, Task> PrepareAsync { get; init; }
    /// <summary>The work on one item.</summary>
    public required Func<BatchItem, CancellationToken, Task<TResult>> WorkAsync { get; init; }
    /// <summary>The result as values of <see cref="Columns"/>, for JSON (true) or a table.</summary>
    public required Func<TResult, bool, IEnumerable<KeyValuePair<string, JsonNode?>>> Describe { get; init; }
    /// <summary>What was done, for the last line; null says nothing more.</summary>
    public Func<TimeSpan, string?> Summarize { get; init; } = _ => null;

    /// <summary>Does it; the exit code is 1 when an item failed.</summary>
    /// <exception cref="ModelOpsException">What makes all of it impossible.</exception>
    public async Task<int> RunAsync(CommandContext context, BatchPlan plan, CancellationToken cancellationToken)
    {
        var reader = BatchInput.Open(context, plan.Input, plan.Column);
        using var input = reader.Reader;
        var format = OutputFormat(context, plan, reader.Format);
        var earlier = await EarlierAsync(plan, format, cancellationToken);
        await using var file = plan.Output is null ? null : OpenOutput(plan);
        await using var writer = BatchWriter.Create(file ?? context.Host.Out, format, Columns, earlier.Header);

        var (done, failed, start) = (0, 0, Stopwatch.GetTimestamp());
        using (var progress = context.Output.Progress())
        {
            var line = progress.Of<int>(count => $"{count} done, {failed} failed");
            await foreach (var outcome in ParallelWork.RunAsync(ItemsAsync(reader, earlier, cancellationToken), OneAsync, plan.Parallel, plan.Ordered, cancellationToken))
            {
                failed += await WriteAsync(writer, outcome, format) ? 0 : 1;
                line.Report(++done);
            }
        }
        context.Output.Note($"{done - failed} done, {failed} failed{(earlier.Ids.Count > 0 ? $", {earlier.Ids.Count} were done before" : "")}. {Summarize(Stopwatch.GetElapsedTime(start))}".TrimEnd());
        return failed > 0 ? ErrorKind.Failure.ExitCode() : 0;
    }

    private async IAsyncEnumerable<BatchItem> ItemsAsync(BatchReader reader, EarlierRows earlier, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var prepared = false;
        await foreach (var item in reader.ReadAsync(cancellationToken))
        {
            if (earlier.Ids.Contains(item.Id))
            {
                continue;
            }
            if (!prepared)
            {
                await PrepareAsync(cancellationToken);
                prepared = true;
            }
            yield return item;
        }
    }

    private Task<TResult> OneAsync(BatchItem item, CancellationToken cancellationToken)
        => item.Error is null ? WorkAsync(item, cancellationToken) : Task.FromException<TResult>(item.Error);

    /// <summary>Writes an item's row; false when it is one of an error.</summary>
    private async Task<bool> WriteAsync(BatchWriter writer, WorkOutcome<BatchItem, TResult> outcome, BatchFormat format)
    {
        var error = outcome.Error;
        if (error is null)
        {
            try
            {
                await writer.WriteAsync(outcome.Item, Describe(outcome.Result!, !format.IsTable()));
                return true;
            }
            catch (ModelOpsException exception)
            {
                error = exception;
            }
        }
        await writer.WriteAsync(outcome.Item, error as ModelOpsException ?? new ModelOpsException(ErrorKind.Failure, error.Message));
        return false;
    }

    // Lines have no columns: their rows are JSON Lines, unless a file's name says otherwise.
    private static BatchFormat OutputFormat(CommandContext context, BatchPlan plan, BatchFormat input)
        => plan.Output is not null ? BatchFormats.Of(plan.Output) is BatchFormat.Lines ? BatchFormat.JsonLines : BatchFormats.Of(plan.Output)
            : context.Output.IsJson || input == BatchFormat.Lines ? BatchFormat.JsonLines : input;

    private static async Task<EarlierRows> EarlierAsync(BatchPlan plan, BatchFormat format, CancellationToken cancellationToken)
    {
        if (plan.Output is null || !File.Exists(plan.Output))
        {
            return EarlierRows.None;
        }
        if (string.Equals(plan.Input, plan.Output, StringComparison.Ordinal))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "--output is the file of --input.", "Choose another name.");
        }
        return plan.Resume ? await EarlierRows.KeepAsync(plan.Output, format, cancellationToken)
            : plan.Force ? EarlierRows.None
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{plan.Output} exists already.", "Go on with it by --resume, replace it with --force, or choose another name.");
    }

    private static StreamWriter OpenOutput(BatchPlan plan)
    {
        try
        {
            return new StreamWriter(plan.Output!, append: plan.Resume);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{plan.Output} cannot be written: {exception.Message}", null, exception);
        }
    }
}
