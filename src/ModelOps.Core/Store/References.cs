namespace ModelOps.Store;

/// <summary>Branches and tags that the store knows, and what they stand for.</summary>
internal static class References
{
    /// <summary>The reference that stands for a commit: main before others, null when there is none.</summary>
    public static string? Of(StoreLayout layout, string repository, string commit)
    {
        string folder = Path.GetDirectoryName(layout.Reference(repository, "main"))!;
        if (!Directory.Exists(folder))
            return null;
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".incomplete", StringComparison.Ordinal) && File.ReadAllText(file).Trim() == commit)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .OrderBy(name => name != "main").ThenBy(name => name, StringComparer.Ordinal)
            .FirstOrDefault();
    }
}
