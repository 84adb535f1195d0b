namespace ModelOps.Server;

/// <summary>What the hub server serves and where.</summary>
public sealed record HubServerOptions
{
    /// <summary>Folder of repositories: <c>org/repo/…files</c>.</summary>
    public required string Directory { get; init; }
    /// <summary>Address to listen on; loopback unless told otherwise. Port 0 takes a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";
    /// <summary>The token that every request must carry; null serves everybody, whatever token they carry.</summary>
    public string? Token { get; init; }
    /// <summary>Entries of a page of a tree or a search, at most; 1000 as on the hub.</summary>
    public int PageSize { get; init; } = 1000;
    /// <summary>How long a link to a file's content is good for; about an hour as on the hub.</summary>
    public TimeSpan LinkLifetime { get; init; } = TimeSpan.FromMinutes(60);
    /// <summary>Clock, for the links.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
