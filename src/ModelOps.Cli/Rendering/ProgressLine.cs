namespace ModelOps.Cli.Rendering;

/// <summary>One line that says how far the work is, rewritten in place and gone at the end. Reports may come on any thread.</summary>
internal sealed class ProgressLine(TextWriter? writer, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private long? _lastShown;
    private int _length;
    private bool _done;

    /// <summary>A receiver that shows <paramref name="describe"/> of what it is given. Called at once, in order, unlike <see cref="Progress{T}"/>.</summary>
    public IProgress<T> Of<T>(Func<T, string> describe) => new Receiver<T>(value => Show(() => describe(value)));

    private void Show(Func<string> describe)
    {
        if (writer is null)
        {
            return;
        }
        lock (_lock)
        {
            if (_done || (_lastShown is { } last && time.GetElapsedTime(last) < Interval))
            {
                return;
            }
            _lastShown = time.GetTimestamp();
            var text = Printable.Line(describe(), 78);
            // Blanks instead of an escape sequence: works in every terminal and under NO_COLOR.
            writer.Write('\r' + text.PadRight(_length));
            _length = text.Length;
        }
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (!_done && _length > 0)
            {
                // A terminal echoes Ctrl+C as two characters behind the line.
                writer!.Write('\r' + new string(' ', Math.Min(_length + 2, 79)) + '\r');
            }
            _done = true;
        }
    }
}

/// <summary>Passes reports on at once, on the thread that makes them.</summary>
internal sealed class Receiver<T>(Action<T> receive) : IProgress<T>
{
    public void Report(T value) => receive(value);
}
