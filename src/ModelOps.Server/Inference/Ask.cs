namespace ModelOps.Server.Inference;

/// <summary>What a request asks of a model.</summary>
/// <param name="Model">Name of the model; null means the only one.</param>
/// <param name="Request">What is to be generated.</param>
internal sealed record Ask(string? Model, GenerationRequest Request)
{
    /// <summary>Whether the answer goes out piece by piece.</summary>
    public bool Stream { get; init; }
    /// <summary>Whether a streamed answer ends with its usage.</summary>
    public bool IncludeUsage { get; init; }
    /// <summary>Set when the model must call a tool: its answer then is the call.</summary>
    public ForcedCall? Forced { get; init; }
    /// <summary>Whether the prompt is to stand before the answer.</summary>
    public bool Echo { get; init; }
}
