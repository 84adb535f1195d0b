using System.Buffers.Binary;

namespace ModelOps.Formats;

/// <summary>
/// Reads a header forward, never past what was asked for and never past a bound, so that a stream over the network is not drawn further
/// than the header goes and a lying length is refused before memory is allocated for it.
/// </summary>
internal sealed class BoundedReader(Stream stream, long fileBytes, long maxHeaderBytes, string format)
{
    // Memory grows with the bytes that really arrive, not with the length that the header claims.
    private const int ChunkBytes = 1 << 20;
    private const string Hint = "The file is damaged or incomplete; download or convert it again.";

    public long Position { get; private set; }

    /// <summary>Bytes that the header can still have.</summary>
    public long Remaining => Math.Min(fileBytes, maxHeaderBytes) - Position;

    public void Fill(Span<byte> destination)
    {
        Require((ulong)destination.Length, "value");
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
        {
            throw Truncated();
        }
        Position += destination.Length;
    }

    /// <summary>Reads <paramref name="count"/> bytes that <see cref="Require"/> has allowed.</summary>
    public byte[] ReadBytes(int count)
    {
        Require((ulong)count, "value");
        var bytes = new byte[Math.Min(count, ChunkBytes)];
        Fill(bytes);
        for (var read = bytes.Length; read < count;)
        {
            Array.Resize(ref bytes, (int)Math.Min(count, 2L * read));
            Fill(bytes.AsSpan(read));
            read = bytes.Length;
        }
        return bytes;
    }

    public byte ReadByte()
    {
        Span<byte> buffer = stackalloc byte[1];
        Fill(buffer);
        return buffer[0];
    }

    public ushort ReadUInt16()
    {
        Span<byte> buffer = stackalloc byte[2];
        Fill(buffer);
        return BinaryPrimitives.ReadUInt16LittleEndian(buffer);
    }

    public uint ReadUInt32()
    {
        Span<byte> buffer = stackalloc byte[4];
        Fill(buffer);
        return BinaryPrimitives.ReadUInt32LittleEndian(buffer);
    }

    public ulong ReadUInt64()
    {
        Span<byte> buffer = stackalloc byte[8];
        Fill(buffer);
        return BinaryPrimitives.ReadUInt64LittleEndian(buffer);
    }

    /// <summary>Refuses a length that the rest of the file, or of the largest header allowed, cannot hold.</summary>
    public void Require(ulong bytes, string what)
    {
        if (bytes <= (ulong)Math.Max(0, Remaining))
        {
            return;
        }
        if (bytes <= (ulong)Math.Max(0, fileBytes - Position))
        {
            throw Corrupt($"The header is larger than {maxHeaderBytes:N0} bytes.");
        }
        if (bytes > 8 || fileBytes - Position < 0)
        {
            throw Corrupt($"At byte {Position:N0} a {what} of {bytes:N0} bytes is announced, but the file has only {Math.Max(0, fileBytes - Position):N0} more.");
        }
        throw Truncated();
    }

    public ModelOpsException Corrupt(string message) => new(ErrorKind.CorruptFile, $"Not a valid {format} file: {message}", Hint);

    private ModelOpsException Truncated() => Corrupt($"it ends at byte {Position:N0}, inside the header.");
}
