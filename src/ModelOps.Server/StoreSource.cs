using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using ModelOps.Store;

namespace ModelOps.Server;

/// <summary>The repositories of a store and, when it has one, of the hub behind it.</summary>
internal sealed class StoreSource(ReadThroughStore store) : IRepositorySource
{
    public async IAsyncEnumerable<RepositoryFolder> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string repository in store.Repositories())
        {
            if (await store.FindHereAsync(repository, cancellationToken).ConfigureAwait(false) is { } revision)
                yield return Folder(revision);
        }
    }

    public Task<(JsonArray Models, string? Next)?> SearchAsync(string query, CancellationToken cancellationToken) => store.SearchAsync(query, cancellationToken);

    public async Task<RepositorySnapshot> FindAsync(string repository, string revision, CancellationToken cancellationToken) =>
        Snapshot(await store.FindAsync(repository, revision, cancellationToken).ConfigureAwait(false));

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
