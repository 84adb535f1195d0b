namespace ModelOps.Grammar;

/// <summary>A set of Unicode scalar values, as ascending ranges that neither touch nor overlap. Surrogates are never in it: UTF-8 has none.</summary>
internal sealed class CharacterSet
{
    private const int Last = 0x10FFFF, FirstSurrogate = 0xD800, LastSurrogate = 0xDFFF;

    public static readonly CharacterSet All = Of((0, Last));

    private CharacterSet(IReadOnlyList<(int First, int Last)> ranges) => Ranges = ranges;

    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public bool IsEmpty => Ranges.Count == 0;

    public static CharacterSet Of(params ReadOnlySpan<(int First, int Last)> ranges) => Normalize([.. ranges]);

    public static CharacterSet Of(char character) => Of((character, character));

    public bool Contains(int character)
    {
        foreach (var (first, last) in Ranges)
        {
            if (character >= first && character <= last)
                return true;
        }
        return false;
    }

    public CharacterSet Union(CharacterSet other) => Normalize([.. Ranges, .. other.Ranges]);

    public CharacterSet Complement()
    {
        var gaps = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in Ranges)
        {
            if (first > next)
                gaps.Add((next, first - 1));
            next = last + 1;
        }
        if (next <= Last)
            gaps.Add((next, Last));
        return Normalize(gaps);
    }

    public CharacterSet Except(CharacterSet other) => Complement().Union(other).Complement();

    private static CharacterSet Normalize(List<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>(ranges.Count);
        foreach (var range in ranges.SelectMany(WithoutSurrogates).OrderBy(range => range.First))
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            else
                merged.Add(range);
        }
        return new CharacterSet(merged);
    }

    private static IEnumerable<(int First, int Last)> WithoutSurrogates((int First, int Last) range)
    {
        if (range.First < FirstSurrogate && range.Last >= range.First)
            yield return (range.First, Math.Min(range.Last, FirstSurrogate - 1));
        if (range.Last > LastSurrogate && range.Last >= range.First)
            yield return (Math.Max(range.First, LastSurrogate + 1), range.Last);
    }
}
