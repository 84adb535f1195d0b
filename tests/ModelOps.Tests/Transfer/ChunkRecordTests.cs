using System.Buffers.Binary;
using ModelOps.Transfer;
using Xunit;

namespace ModelOps.Tests.Transfer;

/// <summary>The file that remembers chunks.</summary>
public sealed class ChunkRecordTests : IDisposable
{
    private const int ChunkBytes = 1 << 12;
    private const long Bytes = (10 * ChunkBytes) + 17;
    private static readonly string ETag = new('a', 64);
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void ChecksumIsCastagnolis()
    {
        // The check value of CRC-32C in the catalogue of parametrised CRCs, and RFC 3720, B.4.
        Assert.Equal(0xE3069283u, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Of([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, Crc32C.Of([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 1, 1)]
    [InlineData(ChunkBytes, 1, ChunkBytes)]
    [InlineData(ChunkBytes + 1, 2, 1)]
    [InlineData(500_000_000_000, 122_070_313, 2048)]
    public void GridCoversAllBytes(long bytes, int count, int last)
    {
        var grid = new ChunkGrid(bytes, ChunkBytes);
        Assert.Equal(count, grid.Count);
        if (count > 0)
            Assert.Equal((last, bytes), (grid.Length(count - 1), grid.End(count - 1)));
    }

    /// <summary>A header that is whole in itself may still say what no file can be, or be followed by more than there are chunks.</summary>
    [Theory]
    [InlineData(long.MaxValue, 1 << 10, 0)]
    [InlineData(long.MaxValue, 1 << 26, 0)]
    [InlineData(Bytes, 1 << 30, 8 - (11 * 8))]
    [InlineData(Bytes, ChunkBytes, 1 << 24)]
    public void AbsurdSizesAreNoRecord(long bytes, int chunkBytes, int longer)
    {
        New().Dispose();
        byte[] content = File.ReadAllBytes(_path);
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(12), chunkBytes);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(16), bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(92), Crc32C.Of(content.AsSpan(0, 92)));
        Array.Resize(ref content, content.Length + longer);
        File.WriteAllBytes(_path, content);

        Assert.Null(ChunkRecord.Read(_path, ETag, bytes));
    }

    [Fact]
    public void EveryChangeIsInTheFileAtOnce()
    {
        using ChunkRecord record = New();
        long size = new FileInfo(_path).Length;
        record.Mark(3, 0xDEADBEEF);
        record.Mark(10, 7);
        record.Mark(4, 1);
        record.Forget(4);

        ChunkRecord read = ChunkRecord.Read(_path, ETag, Bytes)!;
        Assert.Equal([3, 10], Enumerable.Range(0, 11).Where(read.Has));
        Assert.Equal((0xDEADBEEFu, 7u), (read.Sum(3), read.Sum(10)));
        Assert.Equal((ChunkBytes + 17L, ChunkBytes + 17L), (record.PresentBytes, read.PresentBytes));
        Assert.Equal(size, new FileInfo(_path).Length);

        record.Clear();
        Assert.Equal(0, ChunkRecord.Read(_path, ETag, Bytes)!.PresentBytes);
    }

    [Fact]
    public void WhatWasReadCanBeContinued()
    {
        using (ChunkRecord record = New())
            record.Mark(0, 5);
        using (ChunkRecord record = ChunkRecord.Read(_path, ETag, Bytes)!)
        {
            record.Follow(_path);
            record.Mark(1, 6);
        }
        ChunkRecord both = ChunkRecord.Read(_path, ETag, Bytes)!;
        Assert.Equal((5u, 6u, 2L * ChunkBytes), (both.Sum(0), both.Sum(1), both.PresentBytes));
    }

    [Fact]
    public void EveryTornOrForeignFileIsNone()
    {
        New().Dispose();
        byte[] good = File.ReadAllBytes(_path);
        Assert.NotNull(ChunkRecord.Read(_path, ETag, Bytes));
        Assert.Null(ChunkRecord.Read(_path + ".none", ETag, Bytes));
        Assert.Null(ChunkRecord.Read(_path, new string('b', 64), Bytes));
        Assert.Null(ChunkRecord.Read(_path, new string('a', 40), Bytes));
        Assert.Null(ChunkRecord.Read(_path, ETag, Bytes + 1));
        for (int length = 0; length < good.Length; length++)
        {
            File.WriteAllBytes(_path, good[..length]);
            Assert.Null(ChunkRecord.Read(_path, ETag, Bytes));
        }
        File.WriteAllBytes(_path, [.. good, 0]);
        Assert.Null(ChunkRecord.Read(_path, ETag, Bytes));
        for (int at = 0; at < 96; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x20;
            File.WriteAllBytes(_path, bad);
            Assert.Null(ChunkRecord.Read(_path, ETag, Bytes));
        }
    }

    private ChunkRecord New()
    {
        var grid = new ChunkGrid(Bytes, ChunkBytes);
        ChunkRecord record = ChunkRecord.Of(ETag, grid, new bool[grid.Count], new uint[grid.Count]);
        record.Keep(_path);
        return record;
    }
}
