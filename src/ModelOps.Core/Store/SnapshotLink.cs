namespace ModelOps.Store;

/// <summary>Puts a blob under its name in a snapshot: as a relative link, so that the cache can be moved, or as the file itself.</summary>
internal static class SnapshotLink
{
    /// <summary>How the name of a copy, or of anything else that gets its final name by being renamed, ends before.</summary>
    public const string PartialSuffix = ".modelops.incomplete";

    /// <param name="blob">The blob.</param>
    /// <param name="target">Path in the snapshot.</param>
    /// <param name="symlinks">Whether to try a link.</param>
    /// <param name="mayMove">Whether the blob is new, so that nobody else refers to it and it may be moved where a link is refused.</param>
    /// <returns>Whether it is a link: the file itself has lost its blob's name, which was its digest.</returns>
    public static bool Place(string blob, string target, bool symlinks, bool mayMove)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        if (symlinks && TryLink(blob, target))
            return true;
        if (mayMove)
        {
            // Also over a copy that another process has just made: one of them is enough.
            File.Move(blob, target, overwrite: true);
            return false;
        }
        if (new FileInfo(target) is { Exists: true, LinkTarget: null } there && there.Length == new FileInfo(blob).Length)
            return false; // the file itself stands there from an earlier run
        // Copied beside it first: half a copy must not stand under the final name.
        string partial = $"{blob}.{Path.GetRandomFileName()}{PartialSuffix}";
        try
        {
            File.Copy(blob, partial);
            File.Move(partial, target, overwrite: true);
        }
        catch (FileNotFoundException) when (File.Exists(target))
        {
            // Another process, which downloaded it, has just moved it there.
        }
        return false;
    }

    /// <summary>Whether the snapshot has the file, with this size, behind a link or as itself.</summary>
    public static bool Has(string target, long bytes) => Content(target) is { } content && content.Length == bytes;

    /// <summary>The file that a name in a snapshot stands for, or null when it is missing or a link to nowhere.</summary>
    public static FileInfo? Content(string target)
    {
        var file = new FileInfo(target);
        try
        {
            FileSystemInfo? final = file.ResolveLinkTarget(returnFinalTarget: true);
            return (final ?? file) is FileInfo { Exists: true } content ? content : null;
        }
        catch (IOException)
        {
            return null; // links in a circle
        }
    }

    private static bool TryLink(string blob, string target)
    {
        string relative = Path.GetRelativePath(Path.GetDirectoryName(target)!, blob);
        // Made beside the blob and renamed: another process that installs the same model finds the name taken by the same link, never missing.
        string next = $"{blob}.{Path.GetRandomFileName()}{PartialSuffix}";
        try
        {
            if (new FileInfo(target).LinkTarget == relative)
                return true;
            File.CreateSymbolicLink(next, relative);
            File.Move(next, target, overwrite: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            // Windows without developer mode, or a file system without links: the caller puts the file itself there, and fails if that fails too.
            File.Delete(next);
            return false;
        }
    }
}
