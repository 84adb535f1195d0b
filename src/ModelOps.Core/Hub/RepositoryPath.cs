using System.Text;

namespace ModelOps.Hub;

/// <summary>
/// Paths inside a repository come from the network. One that becomes a path on this disk must stay inside its folder on every system, so that a
/// store can be shared or moved: what only Windows would misread is refused everywhere.
/// </summary>
internal static class RepositoryPath
{
    private const int MaxSegmentBytes = 255;
    private const int MaxBytes = 1024;
    private static readonly string[] ReservedNames =
    [
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
        .. Enumerable.Range(0, 10).SelectMany(i => (string[])[$"COM{i}", $"LPT{i}"]), "COM¹", "COM²", "COM³", "LPT¹", "LPT²", "LPT³",
    ];

    /// <summary>What is wrong with a path, as the end of a sentence, or null when it may be joined to a folder.</summary>
    public static string? Problem(string path)
    {
        if (path.Length == 0)
            return "is empty";
        if (Encoding.UTF8.GetByteCount(path) > MaxBytes)
            return "is too long";
        if (path[0] == '/')
            return "is absolute";
        if (path.Contains('\\'))
            return "contains a backslash";
        if (path.AsSpan().ContainsAny(":<>\"|?*"))
            return "contains one of : < > \" | ? *";
        if (path.Any(char.IsControl))
            return "contains a control character";
        foreach (string segment in path.Split('/'))
        {
            if (segment is "" or "." or "..")
                return "contains an empty, '.' or '..' segment";
            if (segment[^1] is '.' or ' ')
                return "has a segment that ends in a dot or a space";
            if (Encoding.UTF8.GetByteCount(segment) > MaxSegmentBytes)
                return "has a segment that is too long";
            if (ReservedNames.Contains(segment.Split('.')[0].TrimEnd(), StringComparer.OrdinalIgnoreCase))
                return "contains a name that is reserved on Windows";
        }
        return null;
    }

    /// <summary>A path for an address: each segment escaped.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a path that would name something else once it is normalised.</exception>
    public static string Escape(string path)
    {
        string[] segments = path.Split('/');
        if (segments.Any(segment => segment is "" or "." or ".."))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' is not the path of a file in a repository.", "Paths have forward slashes and no empty, '.' or '..' segment.");
        return string.Join('/', segments.Select(Uri.EscapeDataString));
    }
}
