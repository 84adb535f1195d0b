namespace ModelOps.Runner;

/// <summary>The last lines that a child wrote, for the error that reports its death.</summary>
internal sealed class LastWords
{
    private const int Capacity = 12;
    private const int LongestLine = 400;
    private const int StackBytes = 256 << 10;

    // What a child of the child holds open does not end with the child.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Queue<string> _lines = new();
    private readonly List<Task> _streams = [];

    /// <summary>
    /// Reads a stream of the child to its end, on a thread of its own: <see cref="System.Diagnostics.Process.BeginErrorReadLine"/> blocks one of the pool's as long as the
    /// child lives, of which a machine with two cores has two, and every call would wait half a second until the pool makes another.
    /// </summary>
    public void Hear(StreamReader stream)
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _streams.Add(end.Task);
        var thread = new Thread(() => Read(stream, end), StackBytes) { IsBackground = true, Name = "ModelOps worker's words" };
        thread.Start();
    }

    /// <summary>Completes when everything is heard that was said; to be awaited once the child has ended.</summary>
    public Task CompleteAsync() => Task.WhenAny(Task.WhenAll(_streams), Task.Delay(Patience));

    private void Read(StreamReader stream, TaskCompletionSource end)
    {
        try
        {
            using (stream)
            {
                while (stream.ReadLine() is { } line)
                {
                    Add(line);
                }
            }
        }
        catch (IOException)
        {
            // A pipe that broke has ended.
        }
        finally
        {
            end.SetResult();
        }
    }

    private void Add(string line)
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
