namespace ModelOps.Hub;

/// <summary>A GET, with what it is about, so that an error can say so.</summary>
/// <param name="Address">Where it goes first.</param>
/// <param name="Repository">Repository it is about, or null.</param>
/// <param name="Revision">Revision, or null.</param>
/// <param name="Path">File, or null.</param>
internal sealed record HubRequest(Uri Address, string? Repository = null, string? Revision = null, string? Path = null)
{
    /// <summary>First byte and number of bytes to ask for, or null for the whole.</summary>
    public (long Offset, long Length)? Range { get; init; }

    /// <summary>Whether the address is a content server's link, not the hub's own.</summary>
    public bool IsLink { get; init; }
}
