namespace ModelOps.Remote;

/// <summary>A request that failed, with what a retry must know. It never leaves the core: callers see <see cref="Error"/>.</summary>
internal sealed class EndpointFailure(ModelOpsException error, bool isTransient, TimeSpan? wait = null) : Exception(error.Message, error)
{
    /// <summary>What the caller is told when no retry helps.</summary>
    public ModelOpsException Error { get; } = error;

    /// <summary>Whether the same request may succeed in a moment.</summary>
    public bool IsTransient { get; } = isTransient;

    /// <summary>Whether there was no connection: nobody heard the request.</summary>
    public bool IsUnheard { get; init; }

    /// <summary>How long the server asked to wait, if it did.</summary>
    public TimeSpan? Wait { get; } = wait;
}
