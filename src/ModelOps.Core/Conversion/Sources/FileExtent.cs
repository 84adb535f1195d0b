namespace ModelOps.Conversion;

/// <summary>Bytes of a file.</summary>
/// <param name="File">The file, as the source's tensors name it.</param>
/// <param name="Offset">Position of the first byte.</param>
/// <param name="Bytes">Number of bytes.</param>
internal readonly record struct FileExtent(string File, long Offset, long Bytes)
{
    /// <summary>Position behind the last byte.</summary>
    public long End => Offset + Bytes;
}
