namespace ModelOps;

/// <summary>A running mirror: a store that is served in the hub's protocol.</summary>
/// <param name="Endpoint">What clients set HF_ENDPOINT to.</param>
/// <param name="ProcessId">The process that serves.</param>
/// <param name="Store">Folder of the store.</param>
/// <param name="Upstream">The hub that is asked for what the store lacks, or null.</param>
/// <param name="RequiresToken">Whether clients must carry the mirror's token.</param>
/// <param name="StartedAt">When it began to listen.</param>
public sealed record ModelMirror(Uri Endpoint, int ProcessId, string Store, Uri? Upstream, bool RequiresToken, DateTimeOffset StartedAt);
