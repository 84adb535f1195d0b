using ModelOps.Formats;

namespace ModelOps.Transfer;

/// <summary>What a check of a blob found.</summary>
/// <param name="IsRight">Whether size and digest are those promised.</param>
/// <param name="Digest">The digest of what is there; null when not all of it can be read.</param>
/// <param name="Damaged">The byte ranges that must be fetched again, in order. Empty of a file that is only too long.</param>
/// <param name="Intact">What need not be fetched again, with its checksums: what <see cref="BlobRepair"/> goes on from.</param>
internal sealed record BlobCheckResult(bool IsRight, string? Digest, IReadOnlyList<(long Start, long End)> Damaged, ChunkRecord Intact)
{
    /// <summary>Bytes that must be fetched again.</summary>
    public long DamagedBytes => Damaged.Sum(range => range.End - range.Start);
}

/// <summary>Reads a blob once, from beginning to end, and says whether it is right and, if not, where it is not.</summary>
internal static class BlobCheck
{
    private const int DefaultChunkBytes = 1 << 20;

    /// <param name="content">The file.</param>
    /// <param name="etag">The digest it must have.</param>
    /// <param name="bytes">The size it must have.</param>
    /// <param name="record">Path of its chunk record (<see cref="BlobFiles.Record"/>), which need not exist. Without one a wrong file of the right size is damaged as a whole.</param>
    /// <param name="progress">Bytes read so far.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the file cannot be opened.</exception>
    public static Task<BlobCheckResult> RunAsync(string content, string etag, long bytes, string record, IProgress<long>? progress, CancellationToken cancellationToken) =>
        Task.Run(() => Run(content, etag, bytes, record, progress, cancellationToken), cancellationToken);

    private static BlobCheckResult Run(string content, string etag, long bytes, string recordPath, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        try
        {
            ChunkRecord? record = ChunkRecord.Read(recordPath, etag, bytes);
            using Stream file = File.Exists(content) && !PlainFile.HasBytes(content)
                ? Stream.Null
                : new FileStream(content, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.SequentialScan);
            return Run(file, etag, record, record?.Grid ?? new ChunkGrid(bytes, DefaultChunkBytes), progress, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"Cannot read '{content}': {e.Message}", "Check its permissions.", e);
        }
    }

    private static BlobCheckResult Run(Stream file, string etag, ChunkRecord? record, ChunkGrid grid, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        long there = file.Length;
        using var hash = new BlobHash(etag, there);
        byte[] buffer = new byte[grid.ChunkBytes];
        bool[] intact = new bool[grid.Count];
        uint[] sums = new uint[grid.Count];
        bool isReadable = true;
        for (long position = 0; position < there;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int chunk = position < grid.Bytes ? grid.At(position) : -1;
            Span<byte> wanted = buffer.AsSpan(0, (int)Math.Min(chunk < 0 ? buffer.Length : grid.Length(chunk), there - position));
            if (TryRead(file, position, wanted))
            {
                hash.Append(wanted);
                if (chunk >= 0 && wanted.Length == grid.Length(chunk))
                {
                    sums[chunk] = Crc32C.Of(wanted);
                    intact[chunk] = record is null || (record.Has(chunk) && record.Sum(chunk) == sums[chunk]);
                }
            }
            else
            {
                isReadable = false;
            }
            position += wanted.Length;
            progress?.Report(position);
        }

        string? digest = isReadable ? hash.Finish() : null;
        bool isRight = digest == etag && there == grid.Bytes;
        // Every chunk looks right and the whole is not: then nothing that looks right can be believed.
        if (!isRight && there == grid.Bytes && !intact.Contains(false))
            Array.Clear(intact);
        return new BlobCheckResult(isRight, digest, isRight ? [] : [.. Damaged(grid, intact)], ChunkRecord.Of(etag, grid, intact, sums));
    }

    private static bool TryRead(Stream file, long position, Span<byte> content)
    {
        try
        {
            file.Position = position;
            file.ReadExactly(content);
            return true;
        }
        catch (IOException)
        {
            // A sector that the disk cannot read any more damages its chunk, not the rest.
            return false;
        }
    }

    private static IEnumerable<(long Start, long End)> Damaged(ChunkGrid grid, bool[] intact)
    {
        for (int chunk = 0; chunk < intact.Length; chunk++)
        {
            if (intact[chunk])
                continue;
            int first = chunk;
            while (chunk + 1 < intact.Length && !intact[chunk + 1])
                chunk++;
            yield return (grid.Start(first), grid.End(chunk));
        }
    }
}
