namespace ModelOps.Errors;

/// <summary>How far a name is from one that was meant, for the hints of errors.</summary>
internal static class EditDistance
{
    // A name out of a file may be as long as the file; beyond this it is no name.
    private const int LongestName = 256;

    /// <summary>Levenshtein's distance, ignoring case: characters to insert, delete or replace.</summary>
    public static int Between(string first, string second)
    {
        first = first[..Math.Min(first.Length, LongestName)].ToUpperInvariant();
        second = second[..Math.Min(second.Length, LongestName)].ToUpperInvariant();
        int[] row = [.. Enumerable.Range(0, second.Length + 1)];
        for (int i = 1; i <= first.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= second.Length; j++)
            {
                int replaced = diagonal + (first[i - 1] == second[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
