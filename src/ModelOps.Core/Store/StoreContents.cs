using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A file that stands in a snapshot.</summary>
/// <param name="Content">Where the bytes are.</param>
/// <param name="Digest">The name of its blob; null for a file that is no link.</param>
internal sealed record ShownFile(FileInfo Content, string? Digest);

/// <summary>
/// What may be shown of a store to others. Every lookup goes through what was listed, by exact name: nothing that was asked for is joined to a path,
/// so that no spelling of ".." leads outside; and a link counts only when it is one of the cache's own, from a snapshot to a blob of the same repository.
/// </summary>
internal sealed class StoreContents(StoreLayout layout)
{
    private const int ShortestCommit = 7;
    private const int CommitDigits = 40;

    /// <summary>The repositories, by name.</summary>
    public IEnumerable<string> Repositories() => layout.Repositories()
        .Where(name => RepositoryName.IsValid(name) && new DirectoryInfo(layout.RepositoryFolder(name)).LinkTarget is null)
        .Order(StringComparer.Ordinal);

    public bool Has(string repository) => Repositories().Contains(repository, StringComparer.Ordinal);

    /// <summary>Branches and tags with their commits; the cache does not tell one from the other.</summary>
    public IReadOnlyDictionary<string, string> References(string repository)
    {
        var references = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var folder = new DirectoryInfo(layout.References(repository));
        foreach ((string name, FileInfo file) in Files(folder, ""))
        {
            // Longer than a commit is no reference, and a link may lead anywhere.
            if (file.LinkTarget is null && file.Length <= CommitDigits + 2 && File.ReadAllText(file.FullName).Trim() is var commit && IsCommit(commit))
                references[name] = commit;
        }
        return references;
    }

    /// <summary>The commits that have a snapshot.</summary>
    public IEnumerable<string> Commits(string repository)
    {
        var folder = new DirectoryInfo(layout.Snapshots(repository));
        return folder is { Exists: true, LinkTarget: null }
            ? folder.EnumerateDirectories().Where(snapshot => snapshot.LinkTarget is null && IsCommit(snapshot.Name)).Select(snapshot => snapshot.Name)
            : [];
    }

    /// <summary>The commit that a branch, tag, commit or beginning of a commit stands for; null when none is here.</summary>
    public string? Commit(string repository, string revision)
    {
        string name = revision is "HEAD" ? "main" : revision.StartsWith("refs/heads/", StringComparison.Ordinal) ? revision["refs/heads/".Length..] : revision;
        if (References(repository).TryGetValue(name, out string? commit))
            return commit;
        if (revision.Length < ShortestCommit)
            return name == "main" ? Newest(repository) : null;
        string[] found = [.. Commits(repository).Where(candidate => candidate.StartsWith(revision, StringComparison.Ordinal))];
        return found.Length == 1 ? found[0] : null;
    }

    /// <summary>The files of a snapshot by their path with forward slashes.</summary>
    public IReadOnlyDictionary<string, ShownFile> Files(string repository, string commit)
    {
        var files = new SortedDictionary<string, ShownFile>(StringComparer.Ordinal);
        if (!Commits(repository).Contains(commit, StringComparer.Ordinal))
            return files;
        string blobs = Path.Combine(layout.RepositoryFolder(repository), "blobs");
        bool linksCount = new DirectoryInfo(blobs) is { Exists: true, LinkTarget: null };
        foreach ((string path, FileInfo file) in Files(new DirectoryInfo(layout.Snapshot(repository, commit)), ""))
        {
            if (RepositoryPath.Problem(path) is not null || path.EndsWith(".incomplete", StringComparison.Ordinal))
                continue;
            if (file.LinkTarget is not { } target)
                files[path] = new ShownFile(file, null);
            else if (linksCount && Blob(Path.GetFullPath(target, Path.GetDirectoryName(file.FullName)!), blobs) is { } blob)
                files[path] = new ShownFile(blob, blob.Name);
        }
        return files;
    }

    /// <summary>A blob by its digest (checked), or null when it is not there with this size.</summary>
    public FileInfo? Blob(string repository, string etag, long bytes) =>
        Blob(layout.Blob(repository, etag), Path.Combine(layout.RepositoryFolder(repository), "blobs")) is { } blob && blob.Length == bytes ? blob : null;

    private static FileInfo? Blob(string path, string blobs) =>
        Path.GetDirectoryName(path) == blobs && BlobDigest.IsDigest(Path.GetFileName(path)) && new FileInfo(path) is { Exists: true, LinkTarget: null } blob ? blob : null;

    // Without a main (a download of a commit alone) the newest snapshot is what a user of main would want.
    private string? Newest(string repository) => Commits(repository)
        .OrderByDescending(commit => new DirectoryInfo(layout.Snapshot(repository, commit)).LastWriteTimeUtc).FirstOrDefault();

    private static IEnumerable<(string Path, FileInfo File)> Files(DirectoryInfo folder, string prefix)
    {
        // A linked folder could lead anywhere, or in circles.
        if (!folder.Exists || folder.LinkTarget is not null)
            yield break;
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
        {
            if (entry is FileInfo file)
                yield return (prefix + file.Name, file);
            else if (entry is DirectoryInfo child)
            {
                foreach ((string path, FileInfo below) in Files(child, prefix + child.Name + "/"))
                    yield return (path, below);
            }
        }
    }

    public static bool IsCommit(string text) => text.Length == CommitDigits && BlobDigest.IsDigest(text);
}
