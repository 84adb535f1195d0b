namespace ModelOps.Runner;

/// <summary>The last lines that a child wrote, for the error that reports its death.</summary>
internal sealed class LastWords
{
    private const int Capacity = 12;
    private const int LongestLine = 400;

    private readonly Queue<string> _lines = new();

    public void Add(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
        {
            return;
        }
        lock (_lines)
        {
            if (_lines.Count == Capacity)
            {
                _lines.Dequeue();
            }
            _lines.Enqueue(line.Length > LongestLine ? line[..LongestLine] + "…" : line);
        }
    }

    /// <summary>A sentence to append to a message; empty when nothing was said.</summary>
    public override string ToString()
    {
        lock (_lines)
        {
            return _lines.Count == 0 ? "" : $" Its last words: {string.Join('\n', _lines)}";
        }
    }
}
