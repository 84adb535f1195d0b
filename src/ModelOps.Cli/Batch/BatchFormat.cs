namespace ModelOps.Cli.Batch;

/// <summary>How items, or their answers, are written.</summary>
internal enum BatchFormat
{
    /// <summary>A text a line.</summary>
    Lines,
    /// <summary>A JSON object a line.</summary>
    JsonLines,
    /// <summary>Comma-separated values (RFC 4180), with a header.</summary>
    Csv,
    /// <summary>The same with tabs.</summary>
    Tsv,
}

/// <summary>Formats by the names of files.</summary>
internal static class BatchFormats
{
    public static BatchFormat Of(string file) => Path.GetExtension(file).ToLowerInvariant() switch
    {
        ".csv" => BatchFormat.Csv,
        ".tsv" => BatchFormat.Tsv,
        ".jsonl" or ".ndjson" => BatchFormat.JsonLines,
        _ => BatchFormat.Lines,
    };

    public static bool IsTable(this BatchFormat format) => format is BatchFormat.Csv or BatchFormat.Tsv;
}
