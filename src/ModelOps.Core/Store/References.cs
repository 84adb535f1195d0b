using ModelOps.Formats;

namespace ModelOps.Store;

/// <summary>Branches and tags of a repository, and what they stand for.</summary>
internal static class References
{
    /// <summary>The folder of references beside a snapshot, whatever store it is in.</summary>
    public static string Folder(string snapshot) => Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(snapshot)!)!, "refs");

    /// <summary>The commit that a reference (checked before) stands for, or null.</summary>
    public static string? Commit(string folder, string revision)
    {
        string path = StoreLayout.File(folder, revision);
        return PlainFile.HasBytes(path) ? File.ReadAllText(path).Trim() : null;
    }

    /// <summary>The reference that stands for a commit: main before others, null when there is none.</summary>
    public static string? Of(string folder, string commit)
    {
        if (!Directory.Exists(folder))
            return null;
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".incomplete", StringComparison.Ordinal) && PlainFile.HasBytes(file) && File.ReadAllText(file).Trim() == commit)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .OrderBy(name => name != "main").ThenBy(name => name, StringComparer.Ordinal)
            .FirstOrDefault();
    }
}
