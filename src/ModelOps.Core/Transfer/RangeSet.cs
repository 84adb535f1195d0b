namespace ModelOps.Transfer;

/// <summary>Byte ranges that are there, as disjoint [start, end) in order. Not safe for threads.</summary>
internal sealed class RangeSet
{
    private readonly List<(long Start, long End)> _ranges = [];

    public IReadOnlyList<(long Start, long End)> Ranges => _ranges;

    /// <summary>Bytes in all ranges.</summary>
    public long Total { get; private set; }

    public void Add(long start, long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        if (end <= start)
            return;
        // First range that touches or follows the new one, and the first behind it that does not touch it.
        int from = _ranges.FindIndex(range => range.End >= start);
        if (from < 0)
            from = _ranges.Count;
        int to = from;
        while (to < _ranges.Count && _ranges[to].Start <= end)
        {
            start = Math.Min(start, _ranges[to].Start);
            end = Math.Max(end, _ranges[to].End);
            Total -= _ranges[to].End - _ranges[to].Start;
            to++;
        }
        _ranges.RemoveRange(from, to - from);
        _ranges.Insert(from, (start, end));
        Total += end - start;
    }

    public void Clear()
    {
        _ranges.Clear();
        Total = 0;
    }

    /// <summary>What is missing of [0, bytes), in pieces of at most <paramref name="pieceBytes"/>.</summary>
    public IEnumerable<(long Start, long End)> Missing(long bytes, long pieceBytes)
    {
        long position = 0;
        foreach ((long start, long end) in _ranges.Append((bytes, bytes)))
        {
            for (; position < Math.Min(start, bytes); position = Math.Min(position + pieceBytes, start))
                yield return (position, Math.Min(position + pieceBytes, start));
            position = Math.Max(position, end);
        }
    }
}
