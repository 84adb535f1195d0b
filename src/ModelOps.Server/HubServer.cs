namespace ModelOps.Server;

/// <summary>What the hub server serves and where.</summary>
public sealed record HubServerOptions
{
    /// <summary>Folder of repositories: <c>org/repo/…files</c>.</summary>
    public required string Directory { get; init; }
    /// <summary>Address to listen on; loopback unless told otherwise. Port 0 takes a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";
}

/// <summary>Serves a folder of repositories in the hub's own protocol (facts/hub-api.md).</summary>
public sealed class HubServer : IAsyncDisposable
{
    /// <summary>The address it listens on, for HF_ENDPOINT.</summary>
    public Uri Endpoint => throw new NotImplementedException();

    /// <summary>Starts to listen.</summary>
    public static Task<HubServer> StartAsync(HubServerOptions options, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Stops.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
