namespace ModelOps.Export;

/// <summary>Paths by which links lead: two names of one folder are one folder.</summary>
internal static class LinkedPath
{
    /// <summary>A full path without links, as far as it exists.</summary>
    public static string Resolve(string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
            return path;
        FileSystemInfo here = Path.Join(Resolve(parent), Path.GetFileName(path)) is var full && Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        // The target of a link may lie behind another.
        return here.Exists && here.ResolveLinkTarget(returnFinalTarget: true) is { } target ? Resolve(target.FullName) : here.FullName;
    }

    /// <summary>Whether a path is a folder, or lies in it.</summary>
    public static bool Contains(string folder, string path)
    {
        var relative = Path.GetRelativePath(folder, path);
        return relative == "." || !(relative == ".." || relative.StartsWith(".." + Path.DirectorySeparatorChar, StringComparison.Ordinal) || Path.IsPathRooted(relative));
    }
}
