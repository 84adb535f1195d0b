namespace ModelOps.Tests.Hub;

public enum BodyFault
{
    /// <summary>The body ends early, as if complete.</summary>
    Truncate,
    /// <summary>The connection is reset.</summary>
    Reset,
    /// <summary>Nothing comes any more.</summary>
    Stall,
}

/// <summary>A body of which only the beginning arrives.</summary>
public sealed class FaultyBody(byte[] content, int good, BodyFault fault) : Stream
{
    private int _position;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = Math.Min(buffer.Length, good - _position);
        if (count > 0)
        {
            content.AsMemory(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }
        switch (fault)
        {
            case BodyFault.Reset:
                throw new IOException("Connection reset by peer");
            case BodyFault.Stall:
                await Task.Delay(Timeout.Infinite, cancellationToken);
                return 0;
            default:
                return 0;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
