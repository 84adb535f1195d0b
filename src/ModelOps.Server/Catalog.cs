using System.Text.RegularExpressions;
using ModelOps.Hub;

namespace ModelOps.Server;

/// <summary>
/// The repositories of a folder. Every lookup goes through what was listed, by exact name: a path from a request is never joined to a path on
/// disk, so that no spelling of "..", encoded or not, leads outside.
/// </summary>
internal sealed partial class Catalog(string root)
{
    private readonly string _root = Path.GetFullPath(root);
    private readonly ContentDigests _digests = new();

    /// <summary>All repositories, by name.</summary>
    public IEnumerable<RepositoryFolder> List()
    {
        foreach (DirectoryInfo organisation in Folders(new DirectoryInfo(_root)))
        {
            foreach (DirectoryInfo repository in Folders(organisation))
                yield return Read(organisation.Name, repository);
        }
    }

    /// <summary>One repository at its commit, or null.</summary>
    public async Task<RepositorySnapshot?> FindAsync(string organisation, string repository)
    {
        // Listed, not joined: also makes names as exact on file systems that ignore case as on the hub.
        DirectoryInfo? folder = Folders(new DirectoryInfo(_root)).FirstOrDefault(candidate => candidate.Name == organisation) is { } parent
            ? Folders(parent).FirstOrDefault(candidate => candidate.Name == repository)
            : null;
        return folder is null ? null : await SnapshotAsync(Read(organisation, folder)).ConfigureAwait(false);
    }

    public async Task<RepositorySnapshot> SnapshotAsync(RepositoryFolder folder)
    {
        var files = new SortedDictionary<string, ServedFile>(StringComparer.Ordinal);
        foreach (FolderFile file in folder.Files)
        {
            string digest = await _digests.GetAsync(file.Content, file.IsLarge).ConfigureAwait(false);
            byte[]? pointer = file.IsLarge ? GitObjects.LfsPointer(digest, file.Content.Length) : null;
            files[file.Path] = pointer is null
                ? new ServedFile(file.Path, file.Content, digest, null, 0)
                : new ServedFile(file.Path, file.Content, GitObjects.BlobId(pointer), digest, pointer.Length);
        }
        SortedDictionary<string, string> folders = GitObjects.FolderIds(files.Select(file => KeyValuePair.Create(file.Key, file.Value.GitId)));
        return new RepositorySnapshot(folder, GitObjects.CommitId(folders[""]), files, folders);
    }

    private RepositoryFolder Read(string organisation, DirectoryInfo folder)
    {
        var files = new List<FolderFile>();
        Collect(folder, "", files);
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        string? Local(string path) => files.Find(file => file.Path == path)?.Content.FullName;
        return new RepositoryFolder(
            $"{organisation}/{folder.Name}",
            files,
            Local("README.md") is { } readme ? ModelCard.Read(readme) : ModelCard.Empty,
            Local("config.json") is { } config ? ModelConfig.Read(config) : ModelConfig.Empty);
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
