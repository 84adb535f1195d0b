namespace ModelOps.Cli.Batch;

/// <summary>What is to be done with many items.</summary>
internal sealed record BatchPlan
{
    /// <summary>File of items; null reads what is piped in.</summary>
    public required string? Input { get; init; }
    /// <summary>File of rows; null is standard output.</summary>
    public required string? Output { get; init; }
    /// <summary>Column that holds the text.</summary>
    public required string Column { get; init; }
    /// <summary>Items at once.</summary>
    public int Parallel { get; init; } = 1;
    /// <summary>Rows in the order of the items, or as they are done.</summary>
    public bool Ordered { get; init; } = true;
    /// <summary>Keep the output's rows that are there.</summary>
    public bool Resume { get; init; }
    /// <summary>Replace the output.</summary>
    public bool Force { get; init; }
}
