using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>What the snapshots hold, whoever put it there: other tools share the cache. A model is listed when all its files are there.</summary>
internal sealed class Inventory(StoreLayout layout)
{
    public IEnumerable<InstalledModel> Models() => layout.Repositories().SelectMany(Models);

    /// <summary>The models of one repository.</summary>
    public IEnumerable<InstalledModel> Models(string repository)
    {
        var snapshots = new DirectoryInfo(layout.Snapshots(repository));
        if (!snapshots.Exists)
            yield break;
        foreach (DirectoryInfo snapshot in snapshots.EnumerateDirectories())
        {
            Dictionary<string, FileInfo> contents = Contents(snapshot);
            RepositoryFile[] files = [.. contents.Select(entry => File(entry.Key, entry.Value))];
            foreach (ModelVariant variant in VariantGrouping.Group(repository, snapshot.Name, files))
                yield return Model(snapshot.FullName, variant, contents);
        }
    }

    /// <summary>The commit that <c>main</c> stood for when it was last downloaded, or null.</summary>
    public string? MainCommit(string repository)
    {
        string path = layout.Reference(repository, "main");
        return System.IO.File.Exists(path) ? System.IO.File.ReadAllText(path).Trim() : null;
    }

    /// <summary>The files below a folder by their path with forward slashes; links to nowhere left out.</summary>
    public static Dictionary<string, FileInfo> Contents(DirectoryInfo folder, bool recursive = true)
    {
        // Folders that are links are not entered: they may lead in circles.
        var options = new EnumerationOptions { RecurseSubdirectories = recursive, AttributesToSkip = 0, IgnoreInaccessible = true };
        var contents = new Dictionary<string, FileInfo>(StringComparer.Ordinal);
        foreach (FileInfo file in folder.EnumerateFiles("*", options))
        {
            if (SnapshotLink.Content(file.FullName) is { } content)
                contents[Path.GetRelativePath(folder.FullName, file.FullName).Replace(Path.DirectorySeparatorChar, '/')] = content;
        }
        return contents;
    }

    /// <summary>A blob's name is its digest; a file that is no link has none that is known.</summary>
    public static RepositoryFile File(string path, FileInfo content) => BlobDigest.IsDigest(content.Name)
        ? BlobDigest.IsSha256(content.Name) ? new RepositoryFile(path, content.Length, content.Name, "") : new RepositoryFile(path, content.Length, null, content.Name)
        : new RepositoryFile(path, content.Length, null, "");

    private static InstalledModel Model(string snapshot, ModelVariant variant, Dictionary<string, FileInfo> contents) => new(
        variant.Repository,
        variant.Commit,
        variant.Name,
        variant.Kind,
        variant.Kind == ModelKind.Gguf ? StoreLayout.File(snapshot, variant.Files[0].Path) : snapshot,
        variant.Bytes,
        [.. variant.Files.Select(file => new InstalledFile(file.Path, file.Bytes, file.Sha256))],
        variant.Files.Select(file => LastUsed(contents[file.Path])).Max());

    private static DateTimeOffset LastUsed(FileInfo file) => file.LastAccessTimeUtc > file.LastWriteTimeUtc ? file.LastAccessTimeUtc : file.LastWriteTimeUtc;
}
