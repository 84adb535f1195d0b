using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ModelOps.Store;

namespace ModelOps.Server;

/// <summary>
/// The repositories of a plain folder, org/repo/files. Every lookup goes through what was listed, by exact name: a path from a request is never joined to a path on
/// disk, so that no spelling of "..", encoded or not, leads outside.
/// </summary>
internal sealed partial class FolderSource(string root) : IRepositorySource
{
    private const int ShortestCommit = 7;

    private readonly string _root = Path.GetFullPath(root);
    private readonly ContentDigests _digests = new();

    public async IAsyncEnumerable<RepositoryFolder> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach ((string name, DirectoryInfo folder) in Repositories())
            yield return Read(name, folder);
    }

    public Task<(JsonArray Models, string? Next)?> SearchAsync(string query, CancellationToken cancellationToken) => Task.FromResult<(JsonArray, string?)?>(null);

    public async Task<RepositorySnapshot> FindAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        // Listed, not joined: also makes names as exact on file systems that ignore case as on the hub.
        (string name, DirectoryInfo folder) = Repositories().FirstOrDefault(candidate => candidate.Name == repository);
        if (folder is null)
            throw new ModelOpsException(ErrorKind.RepositoryNotFound, "Repository not found");
        RepositorySnapshot snapshot = await SnapshotAsync(Read(name, folder), cancellationToken).ConfigureAwait(false);
        return Names(revision, snapshot.Commit) ? snapshot : throw new ModelOpsException(ErrorKind.RevisionNotFound, $"Invalid rev id: {revision}");
    }

    public async Task<RepositorySnapshot> SnapshotAsync(RepositoryFolder folder, CancellationToken cancellationToken)
    {
        var files = new List<ServedFile>();
        foreach (FolderFile file in folder.Files)
        {
            string digest = await _digests.GetAsync(file.Content, file.IsLarge).ConfigureAwait(false);
            files.Add(file.IsLarge ? ServedFile.Large(file.Path, file.Content.Length, digest) : ServedFile.Small(file.Path, file.Content.Length, digest));
        }
        return RepositorySnapshot.Of(folder, null, files);
    }

    public async Task<JsonObject> ReferencesAsync(string repository, CancellationToken cancellationToken)
    {
        RepositorySnapshot snapshot = await FindAsync(repository, "main", cancellationToken).ConfigureAwait(false);
        return HubReferences.Of(new Dictionary<string, string> { ["main"] = snapshot.Commit });
    }

    public FileContent? Open(RepositorySnapshot snapshot, ServedFile file, bool fetch) =>
        snapshot.Folder.Files.FirstOrDefault(candidate => candidate.Path == file.Path) is { } found ? new FileContent(found.Content, null) : null;

    // There is one commit, and it follows from the content.
    private static bool Names(string revision, string commit) =>
        revision is "main" or "HEAD" or "refs/heads/main" || (revision.Length >= ShortestCommit && commit.StartsWith(revision, StringComparison.Ordinal));

    /// <summary>org/repo folders; and folders that have files of their own, as the hub's oldest repositories have no organisation.</summary>
    private IEnumerable<(string Name, DirectoryInfo Folder)> Repositories()
    {
        foreach (DirectoryInfo folder in Folders(new DirectoryInfo(_root)))
        {
            if (folder.EnumerateFiles().Any(file => file.Name[0] != '.'))
            {
                yield return (folder.Name, folder);
                continue;
            }
            foreach (DirectoryInfo repository in Folders(folder))
                yield return ($"{folder.Name}/{repository.Name}", repository);
        }
    }

    private RepositoryFolder Read(string name, DirectoryInfo folder)
    {
        var files = new List<FolderFile>();
        Collect(folder, "", files);
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return RepositoryFolder.Of(name, files, null);
    }

    private void Collect(DirectoryInfo folder, string prefix, List<FolderFile> files)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
        {
            string path = prefix + entry.Name;
            if (entry is DirectoryInfo child)
            {
                // A linked folder could lead anywhere, or in circles; .git and .cache are a tool's, not the repository's.
                if (child.LinkTarget is null && child.Name is not (".git" or ".cache"))
                    Collect(child, path + "/", files);
            }
            else if (Content((FileInfo)entry) is { } content)
            {
                files.Add(new FolderFile(path, content));
            }
        }
    }

    /// <summary>Where a file's bytes are, or null when a link leads outside of what is served, or nowhere.</summary>
    private FileInfo? Content(FileInfo file)
    {
        if (file.LinkTarget is null)
            return file;
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target
            && target.FullName.StartsWith(Path.TrimEndingDirectorySeparator(_root) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? target
            : null;
    }

    private static IEnumerable<DirectoryInfo> Folders(DirectoryInfo folder) =>
        folder.EnumerateDirectories().Where(child => child.LinkTarget is null && Name().IsMatch(child.Name)).OrderBy(child => child.Name, StringComparer.Ordinal);

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex Name();
}
