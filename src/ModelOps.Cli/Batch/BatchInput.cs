namespace ModelOps.Cli.Batch;

/// <summary>Opens files of items.</summary>
internal static class BatchInput
{
    /// <summary>The items of a file, or of what is piped in when there is no name.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>; <see cref="ErrorKind.InvalidArgument"/> when nothing was piped in.</exception>
    public static BatchReader Open(CommandContext context, string? file, string column)
    {
        var reader = OpenText(context, file);
        return new BatchReader(reader, file is not null ? BatchFormats.Of(file) : reader.Peek() == '{' ? BatchFormat.JsonLines : BatchFormat.Lines, column);
    }

    /// <summary>All items at once, for what needs them together; the first that is broken is thrown.</summary>
    public static async Task<IReadOnlyList<BatchItem>> ReadAllAsync(CommandContext context, string? file, string column, CancellationToken cancellationToken)
    {
        var reader = Open(context, file, column);
        using var text = reader.Reader;
        var items = new List<BatchItem>();
        await foreach (var item in reader.ReadAsync(cancellationToken))
        {
            items.Add(item.Error is null ? item : throw item.Error);
        }
        return items.Count > 0 ? items : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{file ?? "What was piped in"} has no items.");
    }

    private static TextReader OpenText(CommandContext context, string? file)
    {
        if (file is null)
        {
            return context.Host.OpenInput?.Invoke() ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "Nothing was piped in.", "Name a file, or pipe items in.");
        }
        try
        {
            return new StreamReader(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{file} cannot be read: {exception.Message}", null, exception);
        }
    }
}
