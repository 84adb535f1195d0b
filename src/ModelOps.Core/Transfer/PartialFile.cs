using Microsoft.Win32.SafeHandles;

namespace ModelOps.Transfer;

/// <summary>
/// The content of a blob while it is downloaded: a file of the final size, with holes, and beside it which ranges are there. The names end in
/// .incomplete, which other tools of the cache clean up, but are not theirs: they would take the file's length for the bytes that arrived.
/// The holder of the blob's lock is the only one who touches it.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const string Suffix = ".modelops.incomplete";
    private const string StateSuffix = ".modelops.state.incomplete";

    private readonly string _blob;
    private readonly string _etag;
    private readonly long _bytes;
    private readonly TransferOptions _options;
    private readonly RangeSet _done;
    private readonly Lock _lock = new();
    private readonly SafeFileHandle _handle;
    private long _unsaved;

    private PartialFile(string blob, string etag, long bytes, TransferOptions options, RangeSet done, SafeFileHandle handle)
    {
        _blob = blob;
        _etag = etag;
        _bytes = bytes;
        _options = options;
        _done = done;
        _handle = handle;
    }

    /// <summary>Where it is.</summary>
    public string Path => _blob + Suffix;

    public long DoneBytes
    {
        get
        {
            lock (_lock)
                return _done.Total;
        }
    }

    /// <summary>Opens what an earlier run left, or begins.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public static PartialFile Open(string blob, string etag, long bytes, TransferOptions options)
    {
        try
        {
            RangeSet done = Left(blob, etag, bytes);
            SafeFileHandle handle = File.OpenHandle(blob + Suffix, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, FileOptions.Asynchronous);
            try
            {
                // Takes no room yet: the holes are filled as the ranges arrive, in any order.
                if (RandomAccess.GetLength(handle) != bytes)
                    RandomAccess.SetLength(handle, bytes);
                return new PartialFile(blob, etag, bytes, options, done, handle);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, blob + Suffix);
        }
    }

    /// <summary>Bytes of a blob that an earlier run left behind.</summary>
    public static long LeftBytes(string blob, string etag, long bytes) => Left(blob, etag, bytes).Total;

    public IReadOnlyList<(long Start, long End)> Missing(long pieceBytes)
    {
        lock (_lock)
            return [.. _done.Missing(_bytes, pieceBytes)];
    }

    /// <summary>Writes bytes and remembers that they are there.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, long position, CancellationToken cancellationToken)
    {
        try
        {
            await _options.WriteAt(_handle, bytes, position, cancellationToken).ConfigureAwait(false);
            lock (_lock)
            {
                _done.Add(position, position + bytes.Length);
                _unsaved += bytes.Length;
                if (_unsaved >= _options.SaveEveryBytes)
                    Save();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, Path);
        }
    }

    /// <summary>Forgets what is there.</summary>
    public void Clear()
    {
        try
        {
            lock (_lock)
            {
                _done.Clear();
                Save();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, Path);
        }
    }

    /// <summary>
    /// Gives the file its final name. The content is on the disk before; the rename itself may be lost with the power, which leaves a complete
    /// partial file that the next run finds.
    /// </summary>
    public void Complete()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
            _handle.Dispose();
            File.Move(Path, _blob, overwrite: true);
            File.Delete(_blob + StateSuffix);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, _blob);
        }
    }

    /// <summary>Removes it.</summary>
    public void Discard()
    {
        _handle.Dispose();
        File.Delete(_blob + StateSuffix);
        File.Delete(Path);
    }

    /// <summary>Closes it; what is there stays for the next run.</summary>
    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        _handle.Dispose();
        lock (_lock)
        {
            try
            {
                Save();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The full disk that ends the download also refuses this; the state written before still holds, and is only less than what is there.
            }
        }
    }

    private static RangeSet Left(string blob, string etag, long bytes)
    {
        var partial = new FileInfo(blob + Suffix);
        return partial.Exists && partial.Length == bytes ? PartialState.Read(blob + StateSuffix, etag, bytes) : new RangeSet();
    }

    private void Save()
    {
        PartialState.From(_etag, _bytes, _done).Write(_blob + StateSuffix);
        _unsaved = 0;
    }
}
