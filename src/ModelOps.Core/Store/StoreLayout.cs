using System.Diagnostics.CodeAnalysis;

namespace ModelOps.Store;

/// <summary>Where things are in the hub's cache (hub-docs, local-cache.md).</summary>
internal sealed class StoreLayout(string root)
{
    private const string FolderPrefix = "models--";
    private const string Separator = "--";

    public string Root { get; } = Path.GetFullPath(root);

    public string RepositoryFolder(string repository) => Path.Combine(Root, FolderPrefix + repository.Replace("/", Separator, StringComparison.Ordinal));

    public string Blob(string repository, string etag) => Path.Combine(RepositoryFolder(repository), "blobs", etag);

    public string Snapshots(string repository) => Path.Combine(RepositoryFolder(repository), "snapshots");

    public string Snapshot(string repository, string commit) => Path.Combine(Snapshots(repository), commit);

    public string References(string repository) => Path.Combine(RepositoryFolder(repository), "refs");

    public string Reference(string repository, string revision) => Path.Combine(References(repository), Local(revision));

    public string Lock(string repository, string etag) => Path.Combine(Root, ".locks", Path.GetFileName(RepositoryFolder(repository)), etag + ".lock");

    /// <summary>What only ModelOps keeps about a repository; other tools of the cache pass it by.</summary>
    public string Private(string repository) => Path.Combine(RepositoryFolder(repository), ".modelops");

    /// <summary>The listing of a commit's files, as huggingface_hub keeps it.</summary>
    public string Tree(string repository, string commit) => Path.Combine(RepositoryFolder(repository), "trees", commit + ".json");

    /// <summary>Files that a commit is known not to have, as huggingface_hub keeps them.</summary>
    public string NoExist(string repository, string commit) => Path.Combine(RepositoryFolder(repository), ".no_exist", commit);

    /// <summary>A path of a repository (checked before) in a folder.</summary>
    public static string File(string snapshot, string path) => Path.Combine(snapshot, Local(path));

    /// <summary>The repositories that have a folder.</summary>
    public IEnumerable<string> Repositories()
    {
        if (!Directory.Exists(Root))
            yield break;
        foreach (string folder in Directory.EnumerateDirectories(Root, FolderPrefix + "*"))
        {
            if (TryParse(Path.GetFileName(folder), out string? repository))
                yield return repository;
        }
    }

    /// <summary>The repository of a snapshot, or of a file in one, whatever store it is in; null for any other path.</summary>
    public static string? RepositoryOf(string path)
    {
        for (DirectoryInfo? folder = new(path); folder?.Parent is { } parent; folder = parent)
        {
            if (folder.Name == "snapshots" && parent.Name.StartsWith(FolderPrefix, StringComparison.Ordinal) && TryParse(parent.Name, out string? repository))
                return repository;
        }
        return null;
    }

    // A hub name never contains "--", so that the only one is the slash; old names have no organisation.
    private static bool TryParse(string folder, [NotNullWhen(true)] out string? repository)
    {
        string[] parts = folder[FolderPrefix.Length..].Split(Separator);
        repository = parts.Length <= 2 && parts.All(part => part.Length > 0) ? string.Join('/', parts) : null;
        return repository is not null;
    }

    private static string Local(string path) => path.Replace('/', Path.DirectorySeparatorChar);
}
