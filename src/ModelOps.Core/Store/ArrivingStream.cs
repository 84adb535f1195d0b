using Microsoft.Win32.SafeHandles;

namespace ModelOps.Store;

/// <summary>A file that is read while it arrives: a read waits for its bytes, which are fetched before others.</summary>
/// <param name="download">Its download.</param>
/// <param name="isCurrent">Whether what was read before still belongs to the content.</param>
/// <param name="file">Where it arrives.</param>
internal sealed class ArrivingStream(FileDownload download, Func<bool> isCurrent, SafeFileHandle file) : Stream
{
    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => download.Bytes;
    public override long Position { get; set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        long left = Length - Position;
        if (left <= 0 || buffer.Length == 0)
            return 0;
        // The last byte comes by itself: it waits until the whole is verified, and the others need not.
        int count = (int)Math.Min(buffer.Length, left == 1 ? 1 : left - 1);
        await download.WaitForAsync(Position, Position + count, cancellationToken).ConfigureAwait(false);
        int read = await RandomAccess.ReadAsync(file, buffer[..count], Position, cancellationToken).ConfigureAwait(false);
        // What was passed on so far was wrong: whoever has it must not get an end that makes it look complete.
        if (!isCurrent())
            throw new IOException("The download began again: what had arrived was wrong.");
        Position += read;
        return read > 0 ? read : throw new EndOfStreamException("The download was cut short.");
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) =>
        Position = origin switch { SeekOrigin.Begin => offset, SeekOrigin.Current => Position + offset, _ => Length + offset };

    public override void Flush() { }
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }
}
