namespace ModelOps.Store;

/// <summary>What a read-through store reads, and through whom.</summary>
internal sealed record ReadThroughOptions
{
    public required StoreOptions Store { get; init; }

    /// <summary>The hub that is asked for what is not here, with its own token; null serves only what is here.</summary>
    public HubOptions? Upstream { get; init; }

    /// <summary>Whether gated and private repositories may be handed on: only to clients that are known.</summary>
    public bool ServesRestricted { get; init; }

    /// <summary>How long the commit that a branch stands for is believed before upstream is asked again.</summary>
    public TimeSpan FreshFor { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long upstream may think about a question that could also be answered from what is known here. Clients give up after 10 s
    /// (HF_HUB_ETAG_TIMEOUT), and what is known is better than nothing.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Large files that are fetched at once; others wait for their turn. As many as one client asks for at once (eight, of huggingface_hub), which
    /// gives up a file that is silent for 10 s.
    /// </summary>
    public int MaxDownloads { get; init; } = 8;

    /// <summary>Told what an administrator should know: upstream is down, a download failed.</summary>
    public Action<string>? Remark { get; init; }
}
