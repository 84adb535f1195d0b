namespace ModelOps.Chat;

/// <summary>Looks for markers in a text of which more may come.</summary>
internal static class MarkerScan
{
    /// <summary>The first place where one of the markers lies, and the longest that lies there; -1 and null where none does.</summary>
    public static (int At, string? Marker) First(ReadOnlySpan<char> text, IReadOnlyList<string> markers)
    {
        int first = -1;
        string? found = null;
        foreach (string marker in markers)
        {
            int at = text.IndexOf(marker, StringComparison.Ordinal);
            if (at >= 0 && (first < 0 || at < first || (at == first && marker.Length > found!.Length)))
            {
                (first, found) = (at, marker);
            }
        }
        return (first, found);
    }

    /// <summary>Length of the longest end of the text that a marker begins with, but is not whole in.</summary>
    public static int PossibleStart(ReadOnlySpan<char> text, IReadOnlyList<string> markers)
    {
        int longest = 0;
        foreach (string marker in markers)
        {
            for (int length = Math.Min(marker.Length - 1, text.Length); length > longest; length--)
            {
                if (text[^length..].SequenceEqual(marker.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
