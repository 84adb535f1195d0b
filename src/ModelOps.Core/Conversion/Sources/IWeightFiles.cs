namespace ModelOps.Conversion;

/// <summary>The open files that a source's weights are in, read at positions from any thread.</summary>
internal interface IWeightFiles : IDisposable
{
    /// <summary>Fills <paramref name="destination"/> from a position of a file.</summary>
    /// <param name="file">The file, as the source's tensors name it.</param>
    /// <param name="position">Position from the start of the file.</param>
    /// <param name="destination">Where the bytes go; all of it is filled.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.CorruptFile"/> when the file ends before, <see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.Failure"/>; of a hub
    /// what the hub answers. Never an <see cref="IOException"/>: those of the output mean something else.
    /// </exception>
    void Read(string file, long position, Span<byte> destination);
}

/// <summary>Where the files with a source's weights are: a disk, or a hub.</summary>
internal interface IWeightLocation
{
    /// <summary>Opens them. The caller disposes of what it gets.</summary>
    /// <param name="order">
    /// Names of the source's tensors in the order in which they will mostly be read, so that a network can read ahead; empty when that is not
    /// known. Reading in another order is slower, not wrong.
    /// </param>
    /// <param name="cancellationToken">Ends reads that wait.</param>
    IWeightFiles Open(IReadOnlyList<string> order, CancellationToken cancellationToken);

    /// <summary>Bytes that reading these tensors brings over a network; 0 for a disk.</summary>
    long DownloadBytes(IEnumerable<string> tensors);

    /// <summary>Bytes of memory that open files take at most for what was read ahead.</summary>
    long MemoryBytes { get; }
}
