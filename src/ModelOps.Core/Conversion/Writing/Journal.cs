using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using ModelOps.Transfer;

namespace ModelOps.Conversion;

/// <summary>
/// Which chunks of a conversion are written, each with the checksum of its bytes and how many of its weights are exact: a header with the
/// plan's fingerprint, then sixteen bytes a chunk, written in place when the chunk is. Nothing is flushed for it: a chunk whose bytes did not
/// reach the disk before the power went is found by its checksum and made again. Who holds the journal open is the one who converts.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int HeaderBytes = 64, EntryBytes = 16;
    private const int VersionAt = 8, CountAt = 12, FingerprintAt = 16, FingerprintBytes = 32, HeaderSumAt = 60;
    private const uint Version = 1, Done = 1;

    private static ReadOnlySpan<byte> Magic => "MOconvrt"u8;

    private readonly SafeFileHandle _handle;
    private readonly byte[] _entries;

    private Journal(SafeFileHandle handle, byte[] entries) => (_handle, _entries) = (handle, entries);

    /// <summary>Whether any chunk is there.</summary>
    public bool HasChunks => Enumerable.Range(0, _entries.Length / EntryBytes).Any(chunk => Find(chunk) is not null);

    /// <summary>Opens the journal of a plan, or begins one; nobody else may then.</summary>
    /// <exception cref="IOException">Somebody else has it open, or the disk refuses.</exception>
    public static Journal Open(string path, byte[] fingerprint, int chunks)
    {
        var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        try
        {
            var header = Header(fingerprint, chunks);
            var content = new byte[HeaderBytes + (chunks * EntryBytes)];
            // A journal that is not wholly right is none: what it would have saved is made again.
            var isLeft = RandomAccess.GetLength(handle) == content.Length && RandomAccess.Read(handle, content, 0) == content.Length && content.AsSpan(0, HeaderBytes).SequenceEqual(header);
            var journal = new Journal(handle, isLeft ? content[HeaderBytes..] : new byte[chunks * EntryBytes]);
            if (!isLeft)
            {
                RandomAccess.SetLength(handle, 0);
                RandomAccess.SetLength(handle, content.Length);
                RandomAccess.Write(handle, header, 0);
            }
            return journal;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>What is known of a chunk that is there; null when it is not, or its entry is damaged.</summary>
    public (uint Checksum, long ExactWeights)? Find(int chunk)
    {
        var entry = _entries.AsSpan(chunk * EntryBytes, EntryBytes);
        if (Word(entry, 0) != Done || Word(entry, 12) != Check(chunk, entry))
            return null;
        return (Word(entry, 4), Word(entry, 8));
    }

    /// <summary>A chunk is written.</summary>
    public void Mark(int chunk, uint checksum, long exactWeights)
    {
        var entry = _entries.AsSpan(chunk * EntryBytes, EntryBytes);
        Put(entry, 0, Done);
        Put(entry, 4, checksum);
        Put(entry, 8, checked((uint)exactWeights));
        Put(entry, 12, Check(chunk, entry));
        // Sixteen aligned bytes lie in one sector: they are written or not, never half.
        RandomAccess.Write(_handle, entry, HeaderBytes + ((long)chunk * EntryBytes));
    }

    /// <summary>Nothing is there any more.</summary>
    public void Clear()
    {
        Array.Clear(_entries);
        RandomAccess.Write(_handle, _entries, HeaderBytes);
    }

    public void Dispose() => _handle.Dispose();

    private static byte[] Header(byte[] fingerprint, int chunks)
    {
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        Put(header, VersionAt, Version);
        Put(header, CountAt, (uint)chunks);
        fingerprint.AsSpan(0, FingerprintBytes).CopyTo(header.AsSpan(FingerprintAt));
        Put(header, HeaderSumAt, Crc32C.Of(header.AsSpan(0, HeaderSumAt)));
        return header;
    }

    private static uint Check(int chunk, ReadOnlySpan<byte> entry)
    {
        // With its place, so that an entry in another's is not taken for one.
        Span<byte> covered = stackalloc byte[EntryBytes];
        entry[..12].CopyTo(covered);
        Put(covered, 12, (uint)chunk);
        return Crc32C.Of(covered);
    }

    private static uint Word(ReadOnlySpan<byte> content, int at) => BinaryPrimitives.ReadUInt32LittleEndian(content[at..]);

    private static void Put(Span<byte> content, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(content[at..], value);
}
