namespace ModelOps.Transfer;

/// <summary>
/// A number of bytes a second that all connections share. Each piece that came is entered in one timetable, and its reader waits until the
/// timetable is due; what is not read stays with the server, by TCP's own means.
/// </summary>
internal sealed class BandwidthLimit(long bytesPerSecond, TimeProvider time)
{
    private const int LeastPiece = 1 << 10, MostPiece = 256 << 10;
    /// <summary>Pieces a second: short waits make a smooth flow.</summary>
    private const int PiecesPerSecond = 20;
    /// <summary>What was not used is not made up for longer than this.</summary>
    private static readonly TimeSpan Backlog = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _due;

    /// <summary>The most to read at once.</summary>
    public int PieceBytes { get; } = (int)Math.Clamp(bytesPerSecond / PiecesPerSecond, LeastPiece, MostPiece);

    /// <summary>Waits until so many bytes more were allowed.</summary>
    public Task WaitAsync(int bytes, CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (_lock)
        {
            TimeSpan now = time.GetElapsedTime(_start);
            _due = (_due > now - Backlog ? _due : now - Backlog) + TimeSpan.FromSeconds((double)bytes / bytesPerSecond);
            wait = _due - now;
        }
        return wait > TimeSpan.Zero ? Task.Delay(wait, time, cancellationToken) : Task.CompletedTask;
    }
}
