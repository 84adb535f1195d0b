namespace ModelOps;

/// <summary>The hub over HTTP: search, repositories, files. Knows nothing of the disk.</summary>
public sealed class HubClient : IDisposable
{
    /// <summary>A client for one hub.</summary>
    public HubClient(HubOptions options) => Options = options;

    /// <summary>The options it was made with.</summary>
    public HubOptions Options { get; }

    /// <summary>Searches; pages are fetched as the results are consumed.</summary>
    public IAsyncEnumerable<ModelSummary> SearchAsync(ModelQuery query, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>A repository at a revision (branch, tag or commit; null means <c>main</c>).</summary>
    public Task<RepositoryInfo> GetRepositoryAsync(string repository, string? revision = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>All files of a repository at a commit.</summary>
    public Task<IReadOnlyList<RepositoryFile>> GetFilesAsync(string repository, string commit, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>The variants of a repository: its files grouped by quantization.</summary>
    public Task<IReadOnlyList<ModelVariant>> GetVariantsAsync(string repository, string? revision = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>
    /// Opens a range of a file: at least one byte, at most <paramref name="length"/>. The stream is the body; redirects are followed without the token when
    /// they leave the hub's host. For headers of remote files and for the transfer.
    /// </summary>
    public Task<Stream> OpenRangeAsync(string repository, string commit, string path, long offset, long length, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
