using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>
/// Names of what lies beside an output while it is written: <c>&lt;output&gt;.&lt;mark&gt;.partial</c> for each file, <c>….journal</c> beside the
/// first. The mark comes from the plan's fingerprint, so that the same plan finds its own again and no other's.
/// </summary>
internal static partial class PartialName
{
    private const int MarkBytes = 4;

    public static string Partial(string output, byte[] fingerprint) => $"{output}.{Mark(fingerprint)}.partial";

    public static string Journal(string output, byte[] fingerprint) => $"{output}.{Mark(fingerprint)}.journal";

    /// <summary>
    /// Deletes what killed runs of other plans have left for the same output, split or not. A run still at work keeps its files locked, and
    /// those stay.
    /// </summary>
    public static void RemoveOthers(string output, byte[] fingerprint)
    {
        var (folder, stem) = (Path.GetDirectoryName(output)!, FileSplit.Stem(output));
        var own = $".{Mark(fingerprint)}.";
        foreach (var path in Directory.EnumerateFiles(folder, "*.partial").Concat(Directory.EnumerateFiles(folder, "*.journal")))
        {
            var name = Pattern().Match(Path.GetFileName(path));
            if (!name.Success || FileSplit.Stem(Path.Combine(folder, name.Groups["output"].Value)) != stem || path.Contains(own, StringComparison.Ordinal))
                continue;
            try
            {
                using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // In use, or somebody else's: not ours to remove, and no reason not to convert.
            }
        }
    }

    private static string Mark(byte[] fingerprint) => Convert.ToHexStringLower(fingerprint, 0, MarkBytes);

    [GeneratedRegex(@"\A(?<output>.+)\.[0-9a-f]{8}\.(partial|journal)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
