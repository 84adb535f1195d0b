using System.IO.Enumeration;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>What the snapshots of a store hold, whoever put it there: other tools share the cache.</summary>
/// <param name="layout">The store.</param>
/// <param name="isShared">Whether it is one that others look after.</param>
internal sealed class Inventory(StoreLayout layout, bool isShared = false)
{
    private const string MainReference = "main";

    /// <summary>Whether it is a store that others look after.</summary>
    public bool IsShared => isShared;

    /// <summary>The models of which all files are there.</summary>
    public IEnumerable<InstalledModel> Models() => Scans().SelectMany(Models).Where(model => model.IsComplete);

    /// <summary>The repositories that have a folder.</summary>
    public IEnumerable<RepositoryScan> Scans() => layout.Repositories().Select(repository => new RepositoryScan(layout, repository));

    /// <summary>The models of one repository, incomplete ones last.</summary>
    public IReadOnlyList<InstalledModel> Models(RepositoryScan scan)
    {
        var models = new List<InstalledModel>();
        foreach (SnapshotScan snapshot in scan.Snapshots)
        {
            var contents = snapshot.Files.Where(file => file.Content is not null).ToDictionary(file => file.Path, file => file.Content!, StringComparer.Ordinal);
            string[] missing = [.. snapshot.Files.Where(file => file.Content is null && file.ETag is not null).Select(file => file.Path), .. MissingShards.Of([.. snapshot.Files.Select(file => file.Path)])];
            RepositoryFile[] files = [.. contents.Select(entry => File(entry.Key, entry.Value))];
            IReadOnlyList<ModelVariant> usable = Group(scan.Repository, snapshot.Commit, files);
            // With what is missing in its place, the groups that are not whole show.
            IReadOnlyList<ModelVariant> meant = missing.Length == 0 ? usable : Group(scan.Repository, snapshot.Commit, [.. files, .. missing.Select(path => new RepositoryFile(path, 0, null, ""))]);
            models.AddRange(usable.Select(variant => Model(scan, snapshot, variant, meant.FirstOrDefault(whole => whole.Name == variant.Name) ?? variant, contents, isUsable: true)));
            models.AddRange(meant.Where(variant => usable.All(known => known.Name != variant.Name && known.Files[0].Path != variant.Files[0].Path) && variant.Files.Any(file => snapshot.Files.Any(name => name.Path == file.Path)))
                .Select(variant => Model(scan, snapshot, variant, variant, contents, isUsable: false)));
        }
        return WithUniqueBytes(scan, models);
    }

    /// <summary>A model that was just put here, with what the store says about it.</summary>
    public InstalledModel Complete(InstalledModel model)
    {
        InstalledModel? listed = Models(new RepositoryScan(layout, model.Repository)).FirstOrDefault(listed => (listed.Commit, listed.Variant) == (model.Commit, model.Variant));
        return model with { UniqueBytes = listed?.UniqueBytes ?? 0, References = listed?.References ?? [], IsCurrent = listed?.IsCurrent ?? false, Store = layout.Root, IsShared = isShared };
    }

    /// <summary>The commit that <c>main</c> stood for when it was last downloaded, or null.</summary>
    public string? MainCommit(string repository) => new RepositoryScan(layout, repository).References.FirstOrDefault(reference => reference.Name == MainReference)?.Commit;

    /// <summary>The files below a folder by their path with forward slashes; links to nowhere left out.</summary>
    public static Dictionary<string, FileInfo> Contents(DirectoryInfo folder, bool recursive = true)
    {
        // Folders that are links are not entered: they may lead in circles.
        var options = new EnumerationOptions { RecurseSubdirectories = recursive, AttributesToSkip = 0, IgnoreInaccessible = true };
        var paths = new FileSystemEnumerable<string>(folder.FullName, (ref FileSystemEntry entry) => entry.ToFullPath(), options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
        var contents = new Dictionary<string, FileInfo>(StringComparer.Ordinal);
        foreach (string path in paths)
        {
            if (SnapshotLink.Content(path) is { } content)
                contents[Path.GetRelativePath(folder.FullName, path).Replace(Path.DirectorySeparatorChar, '/')] = content;
        }
        return contents;
    }

    /// <summary>A blob's name is its digest; a file that is no link has none that is known.</summary>
    public static RepositoryFile File(string path, FileInfo content) => BlobDigest.IsDigest(content.Name)
        ? BlobDigest.IsSha256(content.Name) ? new RepositoryFile(path, content.Length, content.Name, "") : new RepositoryFile(path, content.Length, null, content.Name)
        : new RepositoryFile(path, content.Length, null, "");

    /// <summary>The variants with the projectors that were installed with them: they are verified, copied and removed together.</summary>
    private static IReadOnlyList<ModelVariant> Group(string repository, string commit, IReadOnlyList<RepositoryFile> files) =>
        [.. VariantGrouping.Group(repository, commit, files).Select(variant =>
        {
            RepositoryFile[] projectors = [.. variant.Companions.Where(companion => companion.Kind == CompanionKind.Projector).Select(companion => companion.File)];
            return variant with { Files = [.. variant.Files, .. projectors], Bytes = variant.Bytes + projectors.Sum(file => file.Bytes) };
        })];

    /// <param name="scan">The repository.</param>
    /// <param name="snapshot">The commit.</param>
    /// <param name="variant">The variant as far as it is there.</param>
    /// <param name="whole">The same with the files that are missing.</param>
    /// <param name="contents">What is there.</param>
    /// <param name="isUsable">Whether what is missing is of no weight.</param>
    private InstalledModel Model(RepositoryScan scan, SnapshotScan snapshot, ModelVariant variant, ModelVariant whole, Dictionary<string, FileInfo> contents, bool isUsable)
    {
        IReadOnlyList<string> references = scan.ReferencesTo(snapshot.Commit);
        RepositoryFile[] present = [.. variant.Files.Where(file => contents.ContainsKey(file.Path))];
        return new InstalledModel(
            variant.Repository,
            variant.Commit,
            variant.Name,
            variant.Kind,
            variant.Kind == ModelKind.Gguf ? StoreLayout.File(snapshot.Folder, variant.Files[0].Path) : snapshot.Folder,
            variant.Bytes,
            [.. present.Select(file => new InstalledFile(file.Path, file.Bytes, file.Sha256))],
            present.Length == 0 ? Directory.GetLastWriteTimeUtc(snapshot.Folder) : present.Max(file => LastUsed(contents[file.Path])))
        {
            References = references,
            IsCurrent = references.Contains(MainReference),
            MissingFiles = [.. whole.Files.Where(file => !contents.ContainsKey(file.Path)).Select(file => file.Path)],
            IsComplete = isUsable,
            Store = layout.Root,
            IsShared = isShared,
        };
    }

    /// <summary>Counts for each model the contents that no other model, and no other name in a snapshot, stands for.</summary>
    private static IReadOnlyList<InstalledModel> WithUniqueBytes(RepositoryScan scan, IReadOnlyList<InstalledModel> models)
    {
        var names = scan.Snapshots.SelectMany(snapshot => snapshot.Files.Where(file => file.Content is not null).Select(file => (Key: (snapshot.Commit, file.Path), Content: scan.ContentOf(file)!)))
            .ToDictionary(name => name.Key, name => name.Content);
        var uses = names.CountBy(name => name.Value.FullName).ToDictionary();
        var owners = models.SelectMany(model => model.Files.Select(file => (model.Commit, file.Path))).CountBy(name => name).ToDictionary();
        return [.. models.Select(model => model with
        {
            UniqueBytes = model.Files.Select(file => (model.Commit, file.Path)).Where(name => owners[name] == 1)
                .GroupBy(name => names[name].FullName).Where(content => content.Count() == uses[content.Key])
                .Select(content => names[content.First()]).Where(scan.Owns).Sum(content => content.Length),
        })];
    }

    private static DateTime LastUsed(FileInfo file) => file.LastAccessTimeUtc > file.LastWriteTimeUtc ? file.LastAccessTimeUtc : file.LastWriteTimeUtc;
}
