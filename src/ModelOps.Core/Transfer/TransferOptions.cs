using Microsoft.Win32.SafeHandles;
using ModelOps.Hardware;

namespace ModelOps.Transfer;

/// <summary>The knobs of a download, and its two doors to the disk, which tests open to faults.</summary>
internal sealed record TransferOptions
{
    /// <summary>Requests at once, over all files of a download.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>
    /// Bytes of one ranged request: large enough that the requests do not count against the hub's limits, small enough that a slow connection
    /// at the end of a file does not hold all others up.
    /// </summary>
    public long PartBytes { get; init; } = 16 << 20;

    /// <summary>After so many new bytes the list of ranges is written down: the most that a killed process fetches again.</summary>
    public long SaveEveryBytes { get; init; } = 8 << 20;

    /// <summary>Shortest time between two reports of progress.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Free bytes of the disk that holds a folder, which need not exist yet; null when that cannot be told.</summary>
    public Func<string, long?> FreeBytes { get; init; } = DiskSpace.Free;

    /// <summary>Writes at a position.</summary>
    public Func<SafeFileHandle, ReadOnlyMemory<byte>, long, CancellationToken, ValueTask> WriteAt { get; init; } = RandomAccess.WriteAsync;
}
