namespace ModelOps.Conversion;

/// <summary>Bytes of a remote file that one request brings. Everything that changes does so under the lock of its <see cref="RemoteFiles"/>.</summary>
/// <param name="index">Place in the order of reading.</param>
/// <param name="extent">Which bytes.</param>
internal sealed class RemotePiece(int index, FileExtent extent)
{
    public int Index => index;

    public FileExtent Extent => extent;

    /// <summary>The bytes' arrival; null when they were not asked for, or are gone again.</summary>
    public Task<byte[]>? Arrival { get; set; }

    /// <summary>How many copy from it at this moment.</summary>
    public int Readers { get; set; }

    /// <summary>Bytes that have been read. When all have, it is not needed any more.</summary>
    public long ReadBytes { get; set; }

    /// <summary>Whether it was asked for before, and so is not to be fetched ahead again.</summary>
    public bool WasAsked { get; set; }

    /// <summary>
    /// Cuts extents into pieces in the order of reading: neighbours in a file become one run, a run is cut evenly. What comes twice is taken once.
    /// </summary>
    public static List<RemotePiece> Cut(IEnumerable<FileExtent> order, int mostBytes)
    {
        var pieces = new List<RemotePiece>();
        var run = default(FileExtent);
        var seen = new HashSet<FileExtent>();
        foreach (var extent in order.Where(extent => extent.Bytes > 0 && seen.Add(extent)).Append(default))
        {
            if (run.Bytes > 0 && extent.File == run.File && extent.Offset == run.End)
            {
                run = run with { Bytes = run.Bytes + extent.Bytes };
                continue;
            }
            var count = (run.Bytes + mostBytes - 1) / mostBytes;
            for (var i = 0L; i < count; i++)
            {
                var (start, end) = ((long)((Int128)run.Bytes * i / count), (long)((Int128)run.Bytes * (i + 1) / count));
                pieces.Add(new RemotePiece(pieces.Count, new FileExtent(run.File, run.Offset + start, end - start)));
            }
            run = extent;
        }
        return pieces;
    }
}
