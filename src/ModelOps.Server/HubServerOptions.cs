namespace ModelOps.Server;

/// <summary>Where a hub server listens and to whom.</summary>
public abstract record ListenOptions
{
    /// <summary>Address to listen on; loopback unless told otherwise. Port 0 takes a free one.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";
    /// <summary>The token that every request must carry; null serves everybody, whatever token they carry.</summary>
    public string? Token { get; init; }
    /// <summary>Entries of a page of a tree or a search, at most; 1000 as on the hub.</summary>
    public int PageSize { get; init; } = 1000;
    /// <summary>How long a link to a file's content is good for; about an hour as on the hub.</summary>
    public TimeSpan LinkLifetime { get; init; } = TimeSpan.FromMinutes(60);
    /// <summary>Told of every request when it is over; null tells nobody.</summary>
    public Action<string>? AccessLog { get; init; }
    /// <summary>Clock, for the links.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>A plain folder to serve as a hub.</summary>
public sealed record HubServerOptions : ListenOptions
{
    /// <summary>Folder of repositories: <c>org/repo/…files</c>.</summary>
    public required string Directory { get; init; }
}

/// <summary>A store to serve as a hub, and perhaps the hub behind it.</summary>
public sealed record MirrorOptions : ListenOptions
{
    /// <summary>The store. With an upstream, what clients ask for is added to it.</summary>
    public required StoreOptions Store { get; init; }
    /// <summary>The hub that is asked for what the store lacks, with this token; null serves only what is there.</summary>
    public HubOptions? Upstream { get; init; }
    /// <summary>Large files (of 16 MiB and more) that are fetched from upstream at once; others wait for their turn.</summary>
    public int MaxDownloads { get; init; } = 8;
    /// <summary>How long the commit that a branch stands for is believed before upstream is asked again.</summary>
    public TimeSpan FreshFor { get; init; } = TimeSpan.FromSeconds(60);
    /// <summary>Told what an administrator should know: upstream is away, a download failed.</summary>
    public Action<string>? Remark { get; init; }
}
