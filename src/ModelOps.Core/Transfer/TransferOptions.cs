using Microsoft.Win32.SafeHandles;
using ModelOps.Hardware;

namespace ModelOps.Transfer;

/// <summary>The knobs of a download, and its two doors to the disk, which tests open to faults.</summary>
internal sealed record TransferOptions
{
    /// <summary>Requests at once over all files of a download, at most; 0 for the default.</summary>
    public int Connections { get; init; }

    /// <summary>Bytes a second over all connections; null for as many as come.</summary>
    public long? MaximumBytesPerSecond { get; init; }

    /// <summary>
    /// Bytes that are written, checked and remembered together, and held in memory by each connection: the most that a killed process fetches
    /// again for each, and the least that a repair fetches.
    /// </summary>
    public int ChunkBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of one ranged request, at most: large enough that requests neither count against the hub's limits nor cost time on the way.</summary>
    public long PartBytes { get; init; } = 64 << 20;

    /// <summary>Shortest time between two reports of progress.</summary>
    public TimeSpan ReportEvery { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Free bytes of the disk that holds a folder, which need not exist yet; null when that cannot be told.</summary>
    public Func<string, long?> FreeBytes { get; init; } = DiskSpace.Free;

    /// <summary>Writes at a position.</summary>
    public Func<SafeFileHandle, ReadOnlyMemory<byte>, long, CancellationToken, ValueTask> WriteAt { get; init; } = RandomAccess.WriteAsync;

    /// <summary><see cref="Connections"/>, or the default.</summary>
    public int MostConnections => Connections > 0 ? Connections : 16;
}
