using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>The locks of a repository's blobs, seen from the outside.</summary>
internal static class StoreLocks
{
    private const string Extension = ".lock";

    /// <summary>The lock files of a repository.</summary>
    public static IReadOnlyList<FileInfo> Files(StoreLayout layout, string repository)
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(layout.Lock(repository, "x"))!);
        return folder.Exists ? [.. folder.EnumerateFiles("*" + Extension).Where(file => BlobDigest.IsDigest(Path.GetFileNameWithoutExtension(file.Name))).OrderBy(file => file.Name, StringComparer.Ordinal)] : [];
    }

    /// <summary>Whether anybody downloads anything of a repository.</summary>
    public static bool IsInUse(StoreLayout layout, string repository) => Files(layout, repository).Any(file => BlobLock.IsHeld(file.FullName));

    /// <summary>Refuses to change what is being downloaded: a finished blob of a download that goes on is not yet linked to.</summary>
    public static void EnsureNotInUse(StoreLayout layout, string repository)
    {
        if (IsInUse(layout, repository))
            throw new ModelOpsException(ErrorKind.StoreInUse, $"'{repository}' is being downloaded.", "Wait until the download has ended, or stop it, and try again.");
    }
}
