namespace ModelOps.Conversion;

/// <summary>
/// Gives files their final names: all, or none. The first is the one that a model is opened by: it goes away first and comes last, so that at no
/// moment, not even after a kill, an old first file stands before new ones.
/// </summary>
internal static class FileSwap
{
    private const string AsideSuffix = ".replaced";

    /// <summary>Moves each file to its place, over what is there when <paramref name="overwrite"/>.</summary>
    /// <exception cref="IOException">One could not be moved; everything is as it was.</exception>
    public static void Run(IReadOnlyList<string> from, IReadOnlyList<string> to, bool overwrite)
    {
        // One file needs no more than the system's own atomic rename.
        if (from.Count == 1)
        {
            File.Move(from[0], to[0], overwrite);
            return;
        }
        var undo = new Stack<(string From, string To)>();
        try
        {
            foreach (var path in overwrite ? to.Where(File.Exists) : [])
                Move(path, path + AsideSuffix);
            for (var i = to.Count - 1; i >= 0; i--)
                Move(from[i], to[i]);
        }
        catch
        {
            foreach (var (back, there) in undo)
                File.Move(there, back);
            throw;
        }
        foreach (var path in to)
            File.Delete(path + AsideSuffix);

        void Move(string source, string target)
        {
            // What a kill in this very place has left stands in the way of no one.
            File.Move(source, target, overwrite: target.EndsWith(AsideSuffix, StringComparison.Ordinal));
            undo.Push((source, target));
        }
    }
}
