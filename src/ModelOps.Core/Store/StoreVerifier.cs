using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>
/// Reads every byte of installed models and compares it with the digest that it was published with: the name of its blob; in stores without links the
/// digest on record; else what the hub says. A content that several models share is read once. Changes nothing.
/// </summary>
/// <param name="options">The store, and the shared ones under it.</param>
/// <param name="hub">To ask for digests that are not on record; null or offline leaves those files unverifiable.</param>
public sealed class StoreVerifier(StoreOptions options, HubClient? hub = null)
{
    private readonly Dictionary<string, (string Digest, string? Reason)> _read = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Store, string Repository), RepositoryScan> _scans = [];
    private readonly Dictionary<(string Repository, string Commit), IReadOnlyDictionary<string, string>> _published = [];

    /// <summary>Verifies one model, whole or not.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ModelNotFound"/> when it is gone meanwhile.</exception>
    public async Task<ModelVerification> VerifyAsync(InstalledModel model, IProgress<VerificationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var layout = new StoreLayout(model.Store.Length == 0 ? options.Directory : model.Store);
        if (!_scans.TryGetValue((layout.Root, model.Repository), out RepositoryScan? scan))
            _scans[(layout.Root, model.Repository)] = scan = new RepositoryScan(layout, model.Repository);
        SnapshotScan snapshot = scan.Snapshots.FirstOrDefault(snapshot => snapshot.Commit == model.Commit)
            ?? throw new ModelOpsException(ErrorKind.ModelNotFound, $"'{model.Repository}' is not installed at {model.Commit} in '{layout.Root}'.", "See what is: modelops list");
        IReadOnlyDictionary<string, string> recorded = SnapshotDigests.Read(layout, model.Repository, model.Commit);
        var names = snapshot.Files.ToDictionary(file => file.Path, StringComparer.Ordinal);
        var results = new List<VerifiedFile>();
        long done = 0;
        foreach (string path in model.Files.Select(file => file.Path).Concat(model.MissingFiles))
        {
            SnapshotFile? name = names.GetValueOrDefault(path);
            FileInfo? content = name is null ? null : scan.ContentOf(name);
            string? digest = name?.ETag ?? recorded.GetValueOrDefault(path);
            if (content is null)
            {
                results.Add(new VerifiedFile(path, VerificationState.Missing, 0, digest, name is null ? "It was never downloaded." : "The blob that its link leads to is gone."));
                continue;
            }
            string? unknown = null;
            if (digest is null)
                (digest, unknown) = await AskHubAsync(model, path, cancellationToken).ConfigureAwait(false);
            long before = done;
            results.Add(digest is null
                ? new VerifiedFile(path, VerificationState.Unverifiable, content.Length, null, unknown)
                : await CheckAsync(path, content, digest, model.IsShared, read => progress?.Report(new VerificationProgress(path, before + read, model.Bytes)), cancellationToken).ConfigureAwait(false));
            done += content.Length;
        }
        return new ModelVerification(
            model.Repository, model.Commit, model.Variant, results.Max(file => file.State), results.Where(file => file.State == VerificationState.Valid).Sum(file => file.Bytes), results, model);
    }

    /// <summary>Forgets what was read of a repository, some of which has been repaired.</summary>
    public void Forget(string repository)
    {
        foreach (var key in _scans.Keys.Where(key => key.Repository == repository).ToList())
        {
            string folder = _scans[key].Folder;
            foreach (string content in _read.Keys.Where(content => content.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)).ToList())
                _read.Remove(content);
            _scans.Remove(key);
        }
    }

    private async Task<VerifiedFile> CheckAsync(string path, FileInfo content, string digest, bool isShared, Action<long> progress, CancellationToken cancellationToken)
    {
        string key = $"{content.FullName}\n{digest.Length}";
        if (!_read.TryGetValue(key, out (string Digest, string? Reason) found))
        {
            try
            {
                found = (await ReadAsync(content, digest, isShared, progress, cancellationToken).ConfigureAwait(false), null);
            }
            catch (UnauthorizedAccessException e)
            {
                return new VerifiedFile(path, VerificationState.Unverifiable, content.Length, digest, $"It cannot be read: {e.Message}");
            }
            catch (IOException e)
            {
                // A disk that no longer gives back what it was given.
                found = ("", $"It cannot be read: {e.Message}");
            }
            _read[key] = found;
        }
        return found.Digest == digest
            ? new VerifiedFile(path, VerificationState.Valid, content.Length, digest, null)
            : new VerifiedFile(path, VerificationState.Damaged, content.Length, digest, found.Reason ?? $"Its content has the digest {found.Digest}.");
    }

    private static async Task<string> ReadAsync(FileInfo content, string digest, bool isShared, Action<long> progress, CancellationToken cancellationToken)
    {
        DateTime lastRead = File.GetLastAccessTimeUtc(content.FullName);
        string found = await BlobDigest.ComputeAsync(content.FullName, digest, progress, cancellationToken).ConfigureAwait(false);
        try
        {
            // Looking after a model is not using it: pruning goes by this time.
            if (!isShared)
                File.SetLastAccessTimeUtc(content.FullName, lastRead);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else's file: then it looks used.
        }
        return found;
    }

    private async Task<(string? Digest, string? Reason)> AskHubAsync(InstalledModel model, string path, CancellationToken cancellationToken)
    {
        if (hub is null)
            return (null, "No digest is on record, and there is no hub to ask.");
        if (!_published.TryGetValue((model.Repository, model.Commit), out IReadOnlyDictionary<string, string>? published))
        {
            try
            {
                published = (await hub.GetFilesAsync(model.Repository, model.Commit, cancellationToken).ConfigureAwait(false)).ToDictionary(file => file.Path, file => file.ETag, StringComparer.Ordinal);
            }
            catch (ModelOpsException e) when (e.Kind is not ErrorKind.InvalidArgument)
            {
                return (null, $"No digest is on record, and the hub was asked in vain: {e.Message}");
            }
            _published[(model.Repository, model.Commit)] = published;
        }
        return published.TryGetValue(path, out string? digest) ? (digest, null) : (null, "No digest is on record, and the hub has no such file.");
    }
}
