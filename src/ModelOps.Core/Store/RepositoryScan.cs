using ModelOps.Formats;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>A name in a snapshot.</summary>
/// <param name="Path">Path in the repository, with forward slashes.</param>
/// <param name="FullPath">Where it stands.</param>
/// <param name="Content">The file that it stands for; null when it is a link to nowhere.</param>
/// <param name="ETag">The digest that its blob is, or was, named by; null when the file itself stands in the snapshot.</param>
internal sealed record SnapshotFile(string Path, string FullPath, FileInfo? Content, string? ETag)
{
    /// <summary>Whether the file itself stands in the snapshot, as systems without links have it.</summary>
    public bool IsPlain => Content?.FullName == FullPath;
}

/// <summary>The files of one commit.</summary>
internal sealed record SnapshotScan(string Commit, string Folder, IReadOnlyList<SnapshotFile> Files);

/// <summary>A branch, tag or pull request and the commit it stood for when it was last downloaded.</summary>
internal sealed record ReferenceScan(string Name, string Commit, FileInfo File);

/// <summary>What an unfinished download or copy left of one content: its files, under whatever names.</summary>
/// <param name="ETag">Digest of the content; null when it is a copy that was to stand in a snapshot.</param>
/// <param name="Files">The files.</param>
internal sealed record PartialScan(string? ETag, IReadOnlyList<FileInfo> Files)
{
    /// <summary>When it was last worked on.</summary>
    public DateTimeOffset LastWritten => Files.Max(file => file.LastWriteTimeUtc);
}

/// <summary>
/// Everything in a repository's folder that the hub's cache layout knows, read once. Nothing here throws for a damaged cache: what cannot be read or
/// is not known is a note. <see cref="IsCertain"/> is false when a part could not be looked into, so that what refers to a blob is not fully known.
/// </summary>
internal sealed class RepositoryScan
{
    private const string PartialSuffix = ".incomplete";
    private const int LargestReferenceBytes = 256;

    // What systems leave in any folder; other tools of the cache ignore the same.
    private static readonly string[] SystemFiles = [".DS_Store", "Thumbs.db", "desktop.ini"];

    private readonly List<StoreNote> _notes = [];
    private readonly List<PartialScan> _partials = [];
    private readonly Dictionary<string, FileInfo> _blobs;

    public RepositoryScan(StoreLayout layout, string repository)
    {
        Repository = repository;
        Folder = layout.RepositoryFolder(repository);
        Snapshots = [.. FoldersIn(layout.Snapshots(repository)).Select(Snapshot)];
        References = [.. FilesBelow(Path.Combine(Folder, "refs")).Select(Reference).OfType<ReferenceScan>()];
        FileInfo[] blobs = [.. FilesIn(layout.Blob(repository, ""))];
        _blobs = blobs.Where(file => BlobDigest.IsDigest(file.Name) && SnapshotLink.Content(file.FullName) is not null).ToDictionary(file => file.Name, StringComparer.Ordinal);
        _partials.AddRange(blobs.Where(file => PartialOf(file.Name) is not null).GroupBy(file => PartialOf(file.Name)).Select(group => new PartialScan(group.Key, [.. group])));
        _partials.AddRange(FilesIn(Folder).Where(file => IsOurPartial(file.Name)).Select(file => new PartialScan(null, [file])));
        foreach (FileInfo file in blobs.Where(file => !_blobs.ContainsKey(file.Name) && PartialOf(file.Name) is null))
            Note(file.FullName, BlobDigest.IsDigest(file.Name) ? "A link to nothing in a blob's place." : "Not a blob: its name is no digest.");
    }

    public string Repository { get; }

    public string Folder { get; }

    public IReadOnlyList<SnapshotScan> Snapshots { get; }

    public IReadOnlyList<ReferenceScan> References { get; }

    public IReadOnlyCollection<FileInfo> Blobs => _blobs.Values;

    public IReadOnlyList<PartialScan> Partials => _partials;

    public IReadOnlyList<StoreNote> Notes => _notes;

    public bool IsCertain { get; private set; } = true;

    /// <summary>Whether a name is one that a system puts into folders by itself.</summary>
    public static bool IsSystemFile(string name) => SystemFiles.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>References to a commit.</summary>
    public IReadOnlyList<string> ReferencesTo(string commit) => [.. References.Where(reference => reference.Commit == commit).Select(reference => reference.Name).Order(StringComparer.Ordinal)];

    /// <summary>The blob of a name, when this repository has it.</summary>
    public FileInfo? BlobOf(SnapshotFile file) => file.ETag is null ? null : _blobs.GetValueOrDefault(file.ETag);

    /// <summary>The file that a name stands for: the blob of its digest in this repository, whatever way leads there, else what the link says.</summary>
    public FileInfo? ContentOf(SnapshotFile file) => BlobOf(file) ?? file.Content;

    /// <summary>Whether a file is this repository's own: one that a link from outside leads to is somebody else's.</summary>
    public bool Owns(FileInfo content) => content.FullName.StartsWith(Folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private SnapshotScan Snapshot(DirectoryInfo folder)
    {
        ILookup<bool, FileInfo> found = FilesBelow(folder.FullName).ToLookup(file => IsOurPartial(file.Name));
        _partials.AddRange(found[true].Select(file => new PartialScan(null, [file])));
        SnapshotFile[] files = [.. found[false].Select(file => Entry(folder.FullName, file))];
        foreach (SnapshotFile file in files.Where(file => file.Content is null))
            Note(file.FullPath, file.ETag is null ? "A link in a circle, or to nothing that is known." : "A link to a blob that is missing.");
        return new SnapshotScan(folder.Name, folder.FullName, files);
    }

    private static SnapshotFile Entry(string snapshot, FileInfo file)
    {
        string path = Path.GetRelativePath(snapshot, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
        // By name, not by place: a cache may have been moved, or be reached over links, and a blob that is referred to in any way must not go.
        string? name = file.LinkTarget is { } target ? Path.GetFileName(target) : null;
        return new SnapshotFile(path, file.FullName, SnapshotLink.Content(file.FullName), name is not null && BlobDigest.IsDigest(name) ? name : null);
    }

    private ReferenceScan? Reference(FileInfo file)
    {
        string name = Path.GetRelativePath(Path.Combine(Folder, "refs"), file.FullName).Replace(Path.DirectorySeparatorChar, '/');
        if (name.EndsWith(PartialSuffix, StringComparison.Ordinal))
            return null;
        try
        {
            string commit = file.Length <= LargestReferenceBytes && PlainFile.HasBytes(file.FullName) ? File.ReadAllText(file.FullName).Trim() : "";
            if (commit.Length == 40 && BlobDigest.IsDigest(commit))
                return new ReferenceScan(name, commit, file);
            Note(file.FullName, "A reference that names no commit.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Uncertain(file.FullName, e);
        }
        return null;
    }

    private IEnumerable<FileInfo> FilesBelow(string folder) => FilesIn(folder).Concat(FoldersIn(folder).SelectMany(below => FilesBelow(below.FullName)));

    private IEnumerable<FileInfo> FilesIn(string folder) => Entries(folder).OfType<FileInfo>().Where(file => !IsSystemFile(file.Name));

    private IReadOnlyList<DirectoryInfo> FoldersIn(string folder)
    {
        var folders = new List<DirectoryInfo>();
        foreach (DirectoryInfo below in Entries(folder).OfType<DirectoryInfo>())
        {
            if (below.LinkTarget is null)
            {
                folders.Add(below);
                continue;
            }
            // It may lead in circles, or out of the store.
            IsCertain = false;
            Note(below.FullName, "A link to a folder, which is not entered.");
        }
        return folders;
    }

    private IReadOnlyList<FileSystemInfo> Entries(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? [.. new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Uncertain(folder, e);
            return [];
        }
    }

    private void Uncertain(string path, Exception e)
    {
        IsCertain = false;
        Note(path, $"Cannot be read: {e.Message}");
    }

    private void Note(string path, string message) => _notes.Add(new StoreNote(Repository, path, message));

    private static bool IsOurPartial(string name) => name.EndsWith(PartialSuffix, StringComparison.Ordinal) && name.Contains(".modelops.", StringComparison.Ordinal);

    /// <summary>The digest whose partial a file is: <c>digest.….incomplete</c>, ours and other tools'.</summary>
    private static string? PartialOf(string name)
    {
        int dot = name.IndexOf('.');
        string etag = dot < 0 ? "" : name[..dot];
        bool isPartial = name.EndsWith(PartialSuffix, StringComparison.Ordinal) || name.EndsWith(PartialSuffix + ".new", StringComparison.Ordinal);
        return isPartial && BlobDigest.IsDigest(etag) ? etag : null;
    }
}
