using System.Text.Json.Nodes;
using ModelOps.Store;

namespace ModelOps.Server;

/// <summary>
/// Where served repositories come from. What does not exist, or may not be shown, is a <see cref="ModelOpsException"/> of the hub client's kinds.
/// </summary>
internal interface IRepositorySource
{
    /// <summary>All repositories that are here, by name.</summary>
    IAsyncEnumerable<RepositoryFolder> ListAsync(CancellationToken cancellationToken);

    /// <summary>A page of a search elsewhere, with the next page's query; null to search <see cref="ListAsync"/>.</summary>
    Task<(JsonArray Models, string? Next)?> SearchAsync(string query, CancellationToken cancellationToken);

    /// <summary>A repository at a branch, tag or commit.</summary>
    Task<RepositorySnapshot> FindAsync(string repository, string revision, CancellationToken cancellationToken);

    /// <summary>A listed repository at its default revision, with its digests.</summary>
    Task<RepositorySnapshot> SnapshotAsync(RepositoryFolder folder, CancellationToken cancellationToken);

    /// <summary>Branches and tags, in the words of the hub's API.</summary>
    Task<JsonObject> ReferencesAsync(string repository, CancellationToken cancellationToken);

    /// <summary>The content of a file, here or on its way; null when it cannot be had. Without <paramref name="fetch"/> nothing is set on its way.</summary>
    FileContent? Open(RepositorySnapshot snapshot, ServedFile file, bool fetch);
}
