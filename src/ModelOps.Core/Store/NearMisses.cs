using ModelOps.Errors;

namespace ModelOps.Store;

/// <summary>Names that someone who mistyped may have meant.</summary>
internal static class NearMisses
{
    /// <summary>The candidates that are near, the nearest first.</summary>
    public static IEnumerable<string> Of(string name, IEnumerable<string> candidates)
    {
        string wanted = name.ToUpperInvariant();
        return candidates
            .Select(candidate => (Name: candidate, Distance: Distance(wanted, candidate.ToUpperInvariant())))
            .Where(candidate => candidate.Distance <= Math.Max(2, wanted.Length / 4))
            .OrderBy(candidate => candidate.Distance).ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Select(candidate => candidate.Name);
    }

    private static int Distance(string wanted, string candidate)
    {
        // A part of the name, or the name under another organisation, is as good as a small slip.
        string last = candidate[(candidate.IndexOf('/') + 1)..];
        string wantedLast = wanted[(wanted.IndexOf('/') + 1)..];
        return wantedLast.Length > 2 && last.Contains(wantedLast, StringComparison.Ordinal) ? 1 : Math.Min(EditDistance.Between(wanted, candidate), EditDistance.Between(wanted, last));
    }
}
