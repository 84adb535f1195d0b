namespace ModelOps.Transfer;

/// <summary>A content cut into chunks of one size; the last may be shorter.</summary>
/// <param name="Bytes">Size of the content.</param>
/// <param name="ChunkBytes">Size of a chunk.</param>
internal readonly record struct ChunkGrid(long Bytes, int ChunkBytes)
{
    /// <summary>Number of chunks; 0 of an empty content.</summary>
    public int Count => checked((int)((Bytes / ChunkBytes) + (Bytes % ChunkBytes == 0 ? 0 : 1)));

    public long Start(int chunk) => (long)chunk * ChunkBytes;

    public int Length(int chunk) => (int)Math.Min(ChunkBytes, Bytes - Start(chunk));

    /// <summary>First byte behind a chunk.</summary>
    public long End(int chunk) => Start(chunk) + Length(chunk);

    /// <summary>The chunk that a byte is in.</summary>
    public int At(long position) => (int)(position / ChunkBytes);
}
