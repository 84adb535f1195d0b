using Microsoft.Win32.SafeHandles;

namespace ModelOps.Transfer;

/// <summary>
/// The content of a blob while it is downloaded, chunk by chunk in any order, with the record of what is there beside it.
/// The holder of the blob's lock is the only one who writes it.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private readonly string _blob;
    private readonly TransferOptions _options;
    private readonly SafeFileHandle _handle;

    private PartialFile(string blob, TransferOptions options, ChunkRecord record, SafeFileHandle handle)
    {
        _blob = blob;
        _options = options;
        Record = record;
        _handle = handle;
    }

    /// <summary>What is there.</summary>
    public ChunkRecord Record { get; }

    private ChunkGrid Grid => Record.Grid;

    /// <summary>Opens what an earlier run left, or begins.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public static PartialFile Open(string blob, string etag, long bytes, TransferOptions options)
    {
        string path = BlobFiles.Partial(blob), state = BlobFiles.State(blob);
        ChunkRecord? record = null;
        try
        {
            record = Left(blob, etag, bytes);
            if (record is null)
            {
                var grid = new ChunkGrid(bytes, options.ChunkBytes);
                record = ChunkRecord.Of(etag, grid, new bool[grid.Count], new uint[grid.Count]);
                record.Keep(state);
            }
            else
            {
                record.Follow(state);
            }
            // The mirror reads it while it grows, and may still do so when it gets its name.
            SafeFileHandle handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, FileOptions.Asynchronous);
            try
            {
                // Takes no room yet: the holes are filled as the chunks arrive.
                if (RandomAccess.GetLength(handle) != bytes)
                    RandomAccess.SetLength(handle, bytes);
                return new PartialFile(blob, options, record, handle);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            record?.Dispose();
            throw DiskErrors.WriteError(e, path);
        }
    }

    /// <summary>Bytes of a blob that an earlier run, or one that is still going on, has fetched.</summary>
    public static long LeftBytes(string blob, string etag, long bytes) => Left(blob, etag, bytes)?.PresentBytes ?? 0;

    /// <summary>Writes a chunk and remembers that it is there.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public async ValueTask WriteAsync(int chunk, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        try
        {
            await _options.WriteAt(_handle, content, Grid.Start(chunk), cancellationToken).ConfigureAwait(false);
            Record.Mark(chunk, Crc32C.Of(content.Span));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, BlobFiles.Partial(_blob));
        }
    }

    /// <summary>Reads a chunk that is there.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/>.</exception>
    public void Read(int chunk, Span<byte> content)
    {
        try
        {
            for (int done = 0; done < content.Length;)
            {
                int read = RandomAccess.Read(_handle, content[done..], Grid.Start(chunk) + done);
                if (read == 0)
                    throw new EndOfStreamException("It was cut off while it was downloaded.");
                done += read;
            }
        }
        catch (IOException e)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"Cannot read '{BlobFiles.Partial(_blob)}': {e.Message}", "Something else may have changed it, or the disk is failing; try again.", e);
        }
    }

    /// <summary>Whether a chunk's content is the one that was written.</summary>
    public bool IsIntact(int chunk, ReadOnlySpan<byte> content) => Crc32C.Of(content) == Record.Sum(chunk);

    /// <summary>A chunk must be fetched again.</summary>
    public void Forget(int chunk) => Change(() => Record.Forget(chunk));

    /// <summary>Everything must be fetched again.</summary>
    public void Clear() => Change(Record.Clear);

    /// <summary>Puts the content on the disk itself.</summary>
    public void Flush() => Change(() => RandomAccess.FlushToDisk(_handle));

    /// <summary>
    /// Gives the file its final name, and keeps the checksums or not. The content is on the disk before; a rename that is lost with the power leaves a
    /// complete partial file, which the next run finds.
    /// </summary>
    public void Complete(bool keepsChecksums) => Change(() =>
    {
        RandomAccess.FlushToDisk(_handle);
        _handle.Dispose();
        File.Move(BlobFiles.Partial(_blob), _blob, overwrite: true);
        FolderFlush.Run(Path.GetDirectoryName(_blob)!);
        Record.Dispose();
        if (keepsChecksums && Grid.Count > 1)
        {
            string kept = BlobFiles.Record(_blob);
            Directory.CreateDirectory(Path.GetDirectoryName(kept)!);
            File.Move(BlobFiles.State(_blob), kept, overwrite: true);
        }
        else
        {
            // A single chunk that is damaged is the whole file.
            File.Delete(BlobFiles.State(_blob));
        }
    });

    /// <summary>Removes it.</summary>
    public void Discard()
    {
        Dispose();
        try
        {
            File.Delete(BlobFiles.State(_blob));
            File.Delete(BlobFiles.Partial(_blob));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.RemoveError(e, BlobFiles.Partial(_blob));
        }
    }

    /// <summary>Closes it; what is there stays for the next run.</summary>
    public void Dispose()
    {
        _handle.Dispose();
        Record.Dispose();
    }

    private static ChunkRecord? Left(string blob, string etag, long bytes)
    {
        var partial = new FileInfo(BlobFiles.Partial(blob));
        return partial.Exists && partial.Length == bytes ? ChunkRecord.Read(BlobFiles.State(blob), etag, bytes) : null;
    }

    private void Change(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, BlobFiles.Partial(_blob));
        }
    }
}
