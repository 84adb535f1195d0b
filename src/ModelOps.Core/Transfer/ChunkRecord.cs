using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ModelOps.Transfer;

/// <summary>
/// Which chunks of a content are there, each with its checksum, in a small binary file: a header, then eight bytes a chunk, which are written
/// alone when the chunk is there. So a large model costs nothing, and a killed process loses only what was under way. After the download the
/// file is kept: with it a damaged chunk can be found and fetched alone.
/// </summary>
internal sealed class ChunkRecord : IDisposable
{
    private const int Version = 2;
    private const int HeaderBytes = 96, EntryBytes = 8;
    private const int VersionAt = 8, ChunkBytesAt = 12, BytesAt = 16, ETagAt = 24, ETagBytes = 64, HeaderSumAt = 92;
    private const uint PresentFlag = 1;
    private const int LeastChunkBytes = 1 << 10, MostChunkBytes = 64 << 20;

    private readonly bool[] _present;
    private readonly uint[] _sums;
    private SafeFileHandle? _handle;
    private long _presentBytes;

    private ChunkRecord(string etag, ChunkGrid grid, bool[] present, uint[] sums)
    {
        ETag = etag;
        Grid = grid;
        _present = present;
        _sums = sums;
        for (int chunk = 0; chunk < present.Length; chunk++)
            _presentBytes += present[chunk] ? grid.Length(chunk) : 0;
    }

    private static ReadOnlySpan<byte> Magic => "modelops"u8;

    /// <summary>Digest of the whole content.</summary>
    public string ETag { get; }

    public ChunkGrid Grid { get; }

    /// <summary>Bytes in all chunks that are there.</summary>
    public long PresentBytes => Interlocked.Read(ref _presentBytes);

    public bool Has(int chunk) => Volatile.Read(ref _present[chunk]);

    /// <summary>Checksum of a chunk that is there.</summary>
    public uint Sum(int chunk) => _sums[chunk];

    /// <summary>A record with known chunks, in memory only.</summary>
    public static ChunkRecord Of(string etag, ChunkGrid grid, bool[] present, uint[] sums) => new(etag, grid, present, sums);

    /// <summary>Reads a record, in memory only; null when there is none, or it is torn or of something else.</summary>
    public static ChunkRecord? Read(string path, string etag, long bytes)
    {
        byte[] content;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // Longer than a record of so many bytes can be: not read at all.
            if (file.Length > HeaderBytes + ((bytes / LeastChunkBytes + 1) * EntryBytes))
                return null;
            content = new byte[file.Length];
            content = content[..file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)];
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            // Not begun, or somebody else has just finished the file and taken the record away.
            return null;
        }
        if (content.Length < HeaderBytes || !content.AsSpan().StartsWith(Magic) || Int(content, VersionAt) != Version
            || (uint)Int(content, HeaderSumAt) != Crc32C.Of(content.AsSpan(0, HeaderSumAt))
            || BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(BytesAt)) != bytes
            || Encoding.ASCII.GetString(content, ETagAt, ETagBytes).TrimEnd('\0') != etag
            || Int(content, ChunkBytesAt) is < LeastChunkBytes or > MostChunkBytes)
        {
            return null;
        }
        var grid = new ChunkGrid(bytes, Int(content, ChunkBytesAt));
        // What follows the header must be as many entries as there are chunks; so few fit into memory.
        if ((content.Length - HeaderBytes) / EntryBytes < bytes / grid.ChunkBytes || content.Length != HeaderBytes + ((long)grid.Count * EntryBytes))
            return null;
        bool[] present = new bool[grid.Count];
        uint[] sums = new uint[grid.Count];
        for (int chunk = 0; chunk < present.Length; chunk++)
        {
            int at = HeaderBytes + (chunk * EntryBytes);
            present[chunk] = (uint)Int(content, at) == PresentFlag;
            sums[chunk] = (uint)Int(content, at + sizeof(uint));
        }
        return new ChunkRecord(etag, grid, present, sums);
    }

    /// <summary>Writes the whole record to a file, and every later change as well.</summary>
    public void Keep(string path)
    {
        byte[] content = new byte[HeaderBytes + (_present.Length * EntryBytes)];
        Magic.CopyTo(content);
        Put(content, VersionAt, Version);
        Put(content, ChunkBytesAt, (uint)Grid.ChunkBytes);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(BytesAt), Grid.Bytes);
        Encoding.ASCII.GetBytes(ETag, content.AsSpan(ETagAt, ETagBytes));
        Put(content, HeaderSumAt, Crc32C.Of(content.AsSpan(0, HeaderSumAt)));
        for (int chunk = 0; chunk < _present.Length; chunk++)
            Entry(chunk).CopyTo(content.AsSpan(HeaderBytes + (chunk * EntryBytes)));
        Follow(path, FileMode.Create);
        RandomAccess.Write(_handle!, content, 0);
    }

    /// <summary>Writes every later change to the file that the record was read from.</summary>
    public void Follow(string path) => Follow(path, FileMode.Open);

    /// <summary>A chunk is there.</summary>
    public void Mark(int chunk, uint sum)
    {
        _sums[chunk] = sum;
        Set(chunk, true);
    }

    /// <summary>A chunk is not there after all.</summary>
    public void Forget(int chunk) => Set(chunk, false);

    /// <summary>Nothing is there.</summary>
    public void Clear()
    {
        for (int chunk = 0; chunk < _present.Length; chunk++)
        {
            if (_present[chunk])
                Forget(chunk);
        }
    }

    /// <summary>Puts the record on the disk itself.</summary>
    public void Flush() => RandomAccess.FlushToDisk(_handle!);

    public void Dispose() => _handle?.Dispose();

    private void Follow(string path, FileMode mode)
    {
        _handle?.Dispose();
        // Another process, waiting for ours, reads it to show how far we are.
        _handle = File.OpenHandle(path, mode, FileAccess.Write, FileShare.ReadWrite);
    }

    private void Set(int chunk, bool present)
    {
        if (_present[chunk] != present)
            Interlocked.Add(ref _presentBytes, present ? Grid.Length(chunk) : -Grid.Length(chunk));
        Volatile.Write(ref _present[chunk], present);
        // Eight aligned bytes lie in one page and one sector: they are written or not, never half.
        if (_handle is not null)
            RandomAccess.Write(_handle, Entry(chunk), HeaderBytes + ((long)chunk * EntryBytes));
    }

    private byte[] Entry(int chunk)
    {
        byte[] entry = new byte[EntryBytes];
        Put(entry, 0, _present[chunk] ? PresentFlag : 0);
        Put(entry, sizeof(uint), _sums[chunk]);
        return entry;
    }

    private static int Int(byte[] content, int at) => BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at));

    private static void Put(byte[] content, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(at), value);
}
