using System.Text.RegularExpressions;

namespace ModelOps.Conversion;

/// <summary>A folder of a hub cache: <c>models--org--name/snapshots/commit</c>, with links to blobs that have their digest for a name.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
internal sealed partial record Snapshot(string Repository, string Commit)
{
    /// <summary>The snapshot that a folder, or a file in it, belongs to; null when it is none.</summary>
    public static Snapshot? Of(string path)
        => Layout().Match(path.Replace('\\', '/')) is { Success: true } match
            ? new Snapshot(match.Groups["name"].Value.Replace("--", "/", StringComparison.Ordinal), match.Groups["commit"].Value)
            : null;

    /// <summary>
    /// The SHA-256 of a snapshot's file, when the blob that it leads to is named by it: who put it there has checked it. Null for a small file,
    /// which is named by git's digest, and for a file of its own.
    /// </summary>
    public static string? DigestOf(FileInfo file)
        => file.LinkTarget is { } target && Of(file.FullName) is not null && Path.GetFileName(Path.GetDirectoryName(target)) == "blobs" && Path.GetFileName(target) is var name && Digest().IsMatch(name)
            ? name
            : null;

    [GeneratedRegex(@"/models--(?<name>[^/]+)/snapshots/(?<commit>[0-9a-f]{40})(/|\z)", RegexOptions.CultureInvariant)]
    private static partial Regex Layout();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Digest();
}
