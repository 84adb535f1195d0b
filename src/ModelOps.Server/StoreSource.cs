using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using ModelOps.Store;

namespace ModelOps.Server;

/// <summary>The repositories of a store and, when it has one, of the hub behind it.</summary>
internal sealed class StoreSource(ReadThroughStore store) : IRepositorySource
{
    /// <summary>How long the listing of a commit is believed. A client that asks for hundreds of shards of it asks within a second, and each listing takes thousands of looks at the disk.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(500);

    /// <summary>More are forgotten: nobody works with so many at once.</summary>
    private const int MostListings = 64;

    private readonly ConcurrentDictionary<(string Repository, string Commit), (long Since, RepositorySnapshot Snapshot)> _listings = new();

    public async IAsyncEnumerable<RepositoryFolder> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string repository in store.Repositories())
        {
            if (await store.FindHereAsync(repository, cancellationToken).ConfigureAwait(false) is { } revision)
                yield return Folder(revision);
        }
    }

    public Task<(JsonArray Models, string? Next)?> SearchAsync(string query, CancellationToken cancellationToken) => store.SearchAsync(query, cancellationToken);

    public async Task<RepositorySnapshot> FindAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        if (_listings.TryGetValue((repository, revision), out (long Since, RepositorySnapshot Snapshot) known) && TimeProvider.System.GetElapsedTime(known.Since) < Moment)
            return known.Snapshot;
        RepositorySnapshot snapshot = Snapshot(await store.FindAsync(repository, revision, cancellationToken).ConfigureAwait(false));
        // Branches move, and are asked for once a job.
        if (revision == snapshot.Commit)
        {
            if (_listings.Count >= MostListings)
                _listings.Clear();
            _listings[(repository, revision)] = (TimeProvider.System.GetTimestamp(), snapshot);
        }
        return snapshot;
    }

    public async Task<RepositorySnapshot> SnapshotAsync(RepositoryFolder folder, CancellationToken cancellationToken) =>
        Snapshot(await store.FindHereAsync(folder.Name, cancellationToken).ConfigureAwait(false)
            ?? throw new ModelOpsException(ErrorKind.RepositoryNotFound, $"'{folder.Name}' was removed from the store."));

    public Task<JsonObject> ReferencesAsync(string repository, CancellationToken cancellationToken) => store.GetReferencesAsync(repository, cancellationToken);

    public FileContent? Open(RepositorySnapshot snapshot, ServedFile file, bool fetch) => store.Open(
        new KnownRevision(snapshot.Folder.Name, snapshot.Commit, new Dictionary<string, RepositoryFile>(), snapshot.Folder.Model),
        new RepositoryFile(file.Path, file.Bytes, file.Sha256, file.GitId),
        fetch);

    private RepositorySnapshot Snapshot(KnownRevision revision) => RepositorySnapshot.Of(
        Folder(revision),
        revision.Commit,
        [.. revision.Files.Values.Select(file => file.Sha256 is null ? ServedFile.Small(file.Path, file.Bytes, file.GitSha1) : ServedFile.Large(file.Path, file.Bytes, file.Sha256))]);

    private RepositoryFolder Folder(KnownRevision revision) => RepositoryFolder.Of(
        revision.Repository,
        [.. store.FilesHere(revision).Select(file => new FolderFile(file.Key, file.Value.Content))],
        revision.Model);
}
