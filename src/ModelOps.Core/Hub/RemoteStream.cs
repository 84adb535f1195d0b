namespace ModelOps.Hub;

/// <summary>
/// The beginning of a file of the hub as a forward-only stream: a range is asked for only when what came before has been read, so that a
/// reader which stops after the header costs little more than the header. Blocking; to be read on a thread of its own.
/// </summary>
internal sealed class RemoteStream(HubClient hub, string repository, string commit, RepositoryFile file, CancellationToken cancellationToken) : Stream
{
    // Most headers without a vocabulary fit the first range; then larger ones, for few round trips.
    private const int FirstRange = 1 << 20;
    private const int LaterRange = 4 << 20;

    private Stream? _range;
    private long _position;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        while (_position < file.Bytes && !buffer.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _range ??= hub.OpenRangeAsync(repository, commit, file.Path, _position, Math.Min(file.Bytes - _position, _position == 0 ? FirstRange : LaterRange), cancellationToken).GetAwaiter().GetResult();
            var read = _range.Read(buffer);
            if (read > 0)
            {
                _position += read;
                return read;
            }
            _range.Dispose();
            _range = null;
        }
        return 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _range?.Dispose();
        }
        base.Dispose(disposing);
    }

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
