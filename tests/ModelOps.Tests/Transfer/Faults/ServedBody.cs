namespace ModelOps.Tests.Transfer.Faults;

/// <summary>The body of an answer on its way to the socket: counted, and changed by the request's fault.</summary>
internal sealed class ServedBody(Stream socket, FaultRequest request, Action<int> count) : Stream
{
    private long _position;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        async Task SendAsync(ReadOnlyMemory<byte> bytes)
        {
            // Counted first: a client that has all its bytes may ask for the sum before this thread goes on.
            request.AddSent(bytes.Length);
            count(bytes.Length);
            await socket.WriteAsync(bytes, cancellationToken);
            await socket.FlushAsync(cancellationToken);
        }

        if (request.Body is { } fault)
            await fault(_position, buffer, SendAsync);
        else
            await SendAsync(buffer);
        _position += buffer.Length;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override Task FlushAsync(CancellationToken cancellationToken) => socket.FlushAsync(cancellationToken);
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
