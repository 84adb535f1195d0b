namespace ModelOps.Fit.Graph;

/// <summary>A place in memory that is allocated in pieces.</summary>
/// <param name="Chunk">Number of the piece.</param>
/// <param name="Offset">Bytes from its beginning.</param>
internal readonly record struct BufferAddress(int Chunk, long Offset);
