namespace ModelOps.Conversion;

/// <summary>Names in messages: the first few, then how many more.</summary>
internal static class NameList
{
    private const int Shown = 8;

    public static string Format(IReadOnlyCollection<string> names)
        => string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown} more" : "");
}
