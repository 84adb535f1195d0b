namespace ModelOps;

/// <summary>A running server: models that answer in OpenAI's protocol.</summary>
/// <param name="Endpoint">Where it listens; OpenAI's clients take it with <c>/v1</c> as their base URL, a browser as it is.</param>
/// <param name="ProcessId">The process that serves.</param>
/// <param name="Models">Names that requests call the models by.</param>
/// <param name="RequiresKey">Whether clients must carry a key.</param>
/// <param name="StartedAt">When it began to listen.</param>
public sealed record ModelServer(Uri Endpoint, int ProcessId, IReadOnlyList<string> Models, bool RequiresKey, DateTimeOffset StartedAt);
