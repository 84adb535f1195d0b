using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ModelOps.Hub;

namespace ModelOps;

/// <summary>
/// The hub over HTTP: search, repositories, files. Knows nothing of the disk. All members throw <see cref="ModelOpsException"/>:
/// <see cref="ErrorKind.RepositoryNotFound"/>, <see cref="ErrorKind.PrivateRepository"/>, <see cref="ErrorKind.GatedRepository"/>, <see cref="ErrorKind.RepositoryDisabled"/>,
/// <see cref="ErrorKind.RevisionNotFound"/>, <see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.Unauthorized"/>,
/// <see cref="ErrorKind.RateLimited"/>, <see cref="ErrorKind.NetworkFailure"/>, <see cref="ErrorKind.Offline"/>.
/// </summary>
public sealed partial class HubClient : IDisposable
{
    private const string DefaultRevision = "main";
    /// <summary>An exbibyte: no repository comes near, and sums of sizes cannot overflow.</summary>
    private const long MostBytes = 1L << 60;

    private readonly HubTransport _transport;
    private readonly string _endpoint;

    /// <summary>A client for one hub.</summary>
    public HubClient(HubOptions options)
    {
        Options = options;
        _transport = new HubTransport(options);
        _endpoint = options.Endpoint.AbsoluteUri.TrimEnd('/');
    }

    /// <summary>The options it was made with.</summary>
    public HubOptions Options { get; }

    /// <summary>Searches; pages are fetched as the results are consumed.</summary>
    public async IAsyncEnumerable<ModelSummary> SearchAsync(ModelQuery query, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Uri first = Address("/api/models?" + Query(SearchParameters.Of(query)));

        int count = 0;
        await foreach (ModelAnswer model in PagesAsync(new HubRequest(first), HubJson.Default.ListModelAnswer, cancellationToken).ConfigureAwait(false))
        {
            if (model.Id is null && model.ModelId is null)
                throw NotAHub("a repository without an id");
            yield return model.Summary();
            if (++count == query.Limit)
                yield break;
        }
    }

    /// <summary>A repository at a revision (branch, tag or commit; null means <c>main</c>).</summary>
    public async Task<RepositoryInfo> GetRepositoryAsync(string repository, string? revision = null, CancellationToken cancellationToken = default)
    {
        RepositoryName.Ensure(repository);
        revision ??= DefaultRevision;
        EnsureRevision(revision);
        string fields = Query([.. SearchParameters.Fields, ("expand", "sha"), ("expand", "config")]);
        var request = new HubRequest(Address($"/api/models/{repository}/revision/{Uri.EscapeDataString(revision)}?{fields}"), repository, revision);
        ModelAnswer model = await RetryBudget.RunAsync(Options, () => _transport.GetJsonAsync(request, HubJson.Default.ModelAnswer, null, cancellationToken), cancellationToken).ConfigureAwait(false);
        // Both become parts of paths on disk.
        if ((model.Id ?? model.ModelId) is not { } name || !RepositoryName.IsValid(name))
            throw NotAHub("a repository without a proper id");
        if (!string.Equals(name, repository, StringComparison.OrdinalIgnoreCase))
            Options.Notify?.Invoke(new HubNotice(HubNoticeKind.Renamed, $"'{repository}' is called '{name}' now."));
        if (model.Sha is not { } commit || !Commit().IsMatch(commit))
            throw NotAHub("a repository without a commit");
        return new RepositoryInfo(name, commit, model.Summary());
    }

    /// <summary>The branches and tags of a repository, in the order of the hub; <c>main</c> is among them.</summary>
    public async Task<IReadOnlyList<RepositoryReference>> GetReferencesAsync(string repository, CancellationToken cancellationToken = default)
    {
        RepositoryName.Ensure(repository);
        var request = new HubRequest(Address($"/api/models/{repository}/refs"), repository);
        ReferencesAnswer answer = await RetryBudget.RunAsync(Options, () => _transport.GetJsonAsync(request, HubJson.Default.ReferencesAnswer, null, cancellationToken), cancellationToken).ConfigureAwait(false);
        (IReadOnlyList<ReferenceAnswer>? Answers, ReferenceKind Kind)[] groups = [(answer.Branches, ReferenceKind.Branch), (answer.Tags, ReferenceKind.Tag), (answer.Converts, ReferenceKind.Convert)];
        return [.. groups.SelectMany(group => (group.Answers ?? []).Select(entry => entry is { Name: { } name, TargetCommit: { } commit } && Commit().IsMatch(commit)
            ? new RepositoryReference(repository, name, group.Kind, commit)
            : throw NotAHub($"a reference without name or commit ('{entry.Name}')")))];
    }

    /// <summary>All files of a repository at a commit.</summary>
    public async Task<IReadOnlyList<RepositoryFile>> GetFilesAsync(string repository, string commit, CancellationToken cancellationToken = default)
    {
        RepositoryName.Ensure(repository);
        var request = new HubRequest(Address($"/api/models/{repository}/tree/{Uri.EscapeDataString(commit)}?recursive=true&expand=false"), repository, commit);
        var files = new List<RepositoryFile>();
        var paths = new HashSet<string>(StringComparer.Ordinal);
        long total = 0;
        await foreach (TreeAnswer entry in PagesAsync(request, HubJson.Default.ListTreeAnswer, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Type != "file")
                continue;
            long bytes = entry.Lfs?.Size ?? entry.Size;
            // The digests become names on disk, and what the content is checked against.
            if (entry.Path is null || entry.Oid is null || bytes < 0 || !Commit().IsMatch(entry.Oid) || (entry.Lfs is not null && !Sha256().IsMatch(entry.Lfs.Oid ?? "")))
                throw NotAHub($"a tree entry without path, size or digest ('{entry.Path}')");
            if (bytes > MostBytes - total || !paths.Add(entry.Path))
                throw NotAHub($"a tree that lists '{entry.Path}' twice, or with a size that cannot be");
            total += bytes;
            files.Add(new RepositoryFile(entry.Path, bytes, entry.Lfs?.Oid, entry.Oid));
        }
        return files;
    }

    /// <summary>The variants of a repository: its files grouped by quantization.</summary>
    public async Task<IReadOnlyList<ModelVariant>> GetVariantsAsync(string repository, string? revision = null, CancellationToken cancellationToken = default)
    {
        RepositoryInfo info = await GetRepositoryAsync(repository, revision, cancellationToken).ConfigureAwait(false);
        return await GetVariantsAsync(info, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The variants of a repository at the commit that is known already.</summary>
    internal async Task<IReadOnlyList<ModelVariant>> GetVariantsAsync(RepositoryInfo info, CancellationToken cancellationToken) =>
        VariantGrouping.Group(info.Repository, info.Commit, await GetFilesAsync(info.Repository, info.Commit, cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// One variant of a repository. <paramref name="variant"/> null takes the repository's only one, else the best known default
    /// (Q4_K_M, Q4_0, Q8_0, then the first GGUF, then the checkpoint).
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.VariantNotFound"/>, and what the hub answers.</exception>
    public async Task<ModelVariant> GetVariantAsync(string repository, string? variant = null, string? revision = null, CancellationToken cancellationToken = default) =>
        VariantGrouping.Choose(repository, await GetVariantsAsync(repository, revision, cancellationToken).ConfigureAwait(false), variant);

    /// <summary>
    /// Opens a range of a file: at least one byte, at most <paramref name="length"/>. The stream is the body; redirects are followed without the token when
    /// they leave the hub's host. For headers of remote files and for the transfer.
    /// </summary>
    public async Task<Stream> OpenRangeAsync(string repository, string commit, string path, long offset, long length, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        RemoteFile file = OpenFile(repository, commit, path);
        RangeResponse response = await RetryBudget.RunAsync(Options, () => file.OpenAsync(offset, length, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (!response.IsWhole || (offset == 0 && response.TotalBytes <= length))
            return response.Body;
        return await WholeFileRange.CutAsync(response, offset, length, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A file to read many ranges of.</summary>
    internal RemoteFile OpenFile(string repository, string commit, string path)
    {
        RepositoryName.Ensure(repository);
        Uri address = Address($"/{repository}/resolve/{Uri.EscapeDataString(commit)}/{RepositoryPath.Escape(path)}");
        return new RemoteFile(_transport, new HubRequest(address, repository, commit, path));
    }

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    private async IAsyncEnumerable<T> PagesAsync<T>(HubRequest first, System.Text.Json.Serialization.Metadata.JsonTypeInfo<List<T>> type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var seen = new HashSet<Uri>();
        for (HubRequest? page = first; page is not null;)
        {
            if (!seen.Add(page.Address))
                throw NotAHub("pages that go in circles");
            HubRequest current = page;
            Uri? next = null;
            List<T> items = await RetryBudget.RunAsync(
                Options,
                () => _transport.GetJsonAsync(current, type, response => next = LinkHeader.Next(response, current.Address), cancellationToken),
                cancellationToken).ConfigureAwait(false);
            foreach (T item in items)
                yield return item;
            if (next is not null && next.Scheme != Uri.UriSchemeHttps && next.Scheme != current.Address.Scheme)
                throw NotAHub($"a next page at an address that is not secure ({next.Scheme})");
            page = next is null ? null : first with { Address = next };
        }
    }

    private Uri Address(string pathAndQuery) => new(_endpoint + pathAndQuery);

    private static string Query(IEnumerable<(string Name, string? Value)> parameters) =>
        string.Join('&', parameters.Where(parameter => !string.IsNullOrEmpty(parameter.Value)).Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}"));

    // An empty or dotted one would be another address once it is normalised.
    private static void EnsureRevision(string revision)
    {
        if (RepositoryPath.Problem(revision) is { } problem)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{revision}' is not a revision: it {problem}.", "Name a branch, tag or commit of the repository, or leave the revision out for main.");
    }

    private ModelOpsException NotAHub(string what) => new(ErrorKind.NetworkFailure, $"The answer of {Options.Endpoint.Host} is not a hub's: {what}.", "Check HF_ENDPOINT.");

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex Commit();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256();
}
