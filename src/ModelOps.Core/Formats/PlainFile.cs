namespace ModelOps.Formats;

/// <summary>
/// Files that can be opened without waiting. A pipe waits for its writer for ever, even in open(), and cannot be told from an empty file before; both
/// have no length, and what has none need not be opened to know what is in it.
/// </summary>
internal static class PlainFile
{
    /// <summary>Whether there is a file, behind links too, that has bytes.</summary>
    public static bool HasBytes(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return (file.ResolveLinkTarget(returnFinalTarget: true) ?? file) is FileInfo { Exists: true, Length: > 0 };
        }
        catch (IOException)
        {
            return false; // missing, or links in a circle
        }
    }
}
