using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using ModelOps.Transfer;

namespace ModelOps.Conversion;

/// <summary>
/// Which chunks of a conversion are written, each with the checksum of its bytes and how near its weights came back: a header with the
/// plan's fingerprint, then 36 bytes a chunk, written in place when the chunk is. Nothing is flushed for it: a chunk whose bytes did not
/// reach the disk before the power went is found by its checksum and made again. Who holds the journal open is the one who converts.
/// </summary>
internal sealed class Journal : IDisposable
{
    private const int HeaderBytes = 64, EntryBytes = 36;
    private const int VersionAt = 8, CountAt = 12, FingerprintAt = 16, FingerprintBytes = 32, HeaderSumAt = 60;
    private const int ChecksumAt = 4, ExactAt = 8, LargestErrorAt = 12, ErrorsAt = 16, WeightsAt = 24, CheckAt = 32;
    private const uint Version = 2, Done = 1;

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
    public (uint Checksum, Fidelity Fidelity)? Find(int chunk)
    {
        var entry = _entries.AsSpan(chunk * EntryBytes, EntryBytes);
        if (Word(entry, 0) != Done || Word(entry, CheckAt) != Check(chunk, entry))
            return null;
        return (Word(entry, ChecksumAt), new Fidelity(Word(entry, ExactAt), BinaryPrimitives.ReadSingleLittleEndian(entry[LargestErrorAt..]), BinaryPrimitives.ReadDoubleLittleEndian(entry[ErrorsAt..]), BinaryPrimitives.ReadDoubleLittleEndian(entry[WeightsAt..])));
    }

    /// <summary>A chunk is written.</summary>
    public void Mark(int chunk, uint checksum, Fidelity fidelity)
    {
        var entry = _entries.AsSpan(chunk * EntryBytes, EntryBytes);
        Put(entry, 0, Done);
        Put(entry, ChecksumAt, checksum);
        Put(entry, ExactAt, checked((uint)fidelity.ExactWeights));
        BinaryPrimitives.WriteSingleLittleEndian(entry[LargestErrorAt..], fidelity.LargestError);
        BinaryPrimitives.WriteDoubleLittleEndian(entry[ErrorsAt..], fidelity.SquaredErrors);
        BinaryPrimitives.WriteDoubleLittleEndian(entry[WeightsAt..], fidelity.SquaredWeights);
        Put(entry, CheckAt, Check(chunk, entry));
        // An entry of which a power cut left a half is known by its check.
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
        entry[..CheckAt].CopyTo(covered);
        Put(covered, CheckAt, (uint)chunk);
        return Crc32C.Of(covered);
    }

    private static uint Word(ReadOnlySpan<byte> content, int at) => BinaryPrimitives.ReadUInt32LittleEndian(content[at..]);

    private static void Put(Span<byte> content, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(content[at..], value);
}
