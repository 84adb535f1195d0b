using System.Collections.Concurrent;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>Revisions as this disk knows them: from what a hub once said, and from what stands in the snapshot.</summary>
/// <param name="layout">The store.</param>
/// <param name="contents">What is in it.</param>
/// <param name="records">What was said of it.</param>
/// <param name="isComplete">Whether files that are not here count, because they can be had; else a listing would promise what nobody can keep.</param>
/// <param name="remark">Told when digests cannot be kept.</param>
internal sealed class LocalRevisions(StoreLayout layout, StoreContents contents, RevisionRecords records, bool isComplete, Action<string>? remark) : IDisposable
{
    private const string Digests = "digests.json";

    private readonly ConcurrentDictionary<string, StoredDigests> _digests = new(StringComparer.Ordinal);

    /// <summary>A repository at a branch, tag, commit or beginning of a commit; null when nothing is here of it.</summary>
    public async Task<KnownRevision?> FindAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        if (!contents.Has(repository))
            return null;
        // With a hub behind us what it said last is newer than what was fetched last.
        string? commit = (isComplete ? records.Commit(repository, revision) : null) ?? contents.Commit(repository, revision);
        if (commit is null && isComplete && StoreContents.IsCommit(revision))
            commit = revision;
        if (commit is null)
            return null;
        IReadOnlyList<RepositoryFile>? listed = records.Files(repository, commit);
        Dictionary<string, RepositoryFile> files = (listed ?? []).ToDictionary(file => file.Path, StringComparer.Ordinal);
        if (listed is null || !isComplete)
            files = await PresentAsync(repository, commit, files, cancellationToken).ConfigureAwait(false);
        return files.Count == 0 ? null : new KnownRevision(repository, commit, files, records.Model(repository, commit));
    }

    /// <summary>Branches and tags with their commits.</summary>
    public IReadOnlyDictionary<string, string> References(string repository)
    {
        IReadOnlyDictionary<string, string> references = contents.References(repository);
        return references.ContainsKey("main") || contents.Commit(repository, "main") is not { } commit
            ? references
            : new SortedDictionary<string, string>(references.ToDictionary(), StringComparer.Ordinal) { ["main"] = commit };
    }

    public void Dispose()
    {
        foreach (StoredDigests digests in _digests.Values)
            digests.Dispose();
    }

    private async Task<Dictionary<string, RepositoryFile>> PresentAsync(string repository, string commit, Dictionary<string, RepositoryFile> listed, CancellationToken cancellationToken)
    {
        var files = new Dictionary<string, RepositoryFile>(StringComparer.Ordinal);
        IReadOnlyDictionary<string, string> recorded = SnapshotDigests.Read(layout, repository, commit);
        foreach ((string path, ShownFile stored) in contents.Files(repository, commit))
        {
            long bytes = stored.Content.Length;
            if (listed.TryGetValue(path, out RepositoryFile? known) && known.Bytes == bytes && (stored.Digest is null || stored.Digest == known.ETag))
            {
                files[path] = known;
                continue;
            }
            string digest = stored.Digest ?? recorded.GetValueOrDefault(path) ?? await _digests.GetOrAdd(repository, _ => new StoredDigests(Path.Combine(layout.Private(repository), Digests), remark))
                .GetAsync($"{commit}/{path}", stored.Content, LargeFiles.Has(path, bytes), cancellationToken).ConfigureAwait(false);
            files[path] = BlobDigest.IsSha256(digest) ? new RepositoryFile(path, bytes, digest, "") : new RepositoryFile(path, bytes, null, digest);
        }
        return files;
    }
}
