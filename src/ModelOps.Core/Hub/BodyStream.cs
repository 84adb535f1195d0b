namespace ModelOps.Hub;

/// <summary>
/// The body of an answer: at most a number of bytes, an error when it ends before the promised length or is silent for too long, and the
/// stack's exceptions turned into ours.
/// </summary>
internal sealed class BodyStream : Stream
{
    private readonly HttpResponseMessage _response;
    private readonly Stream _inner;
    private readonly TimeSpan _stallTimeout;
    private readonly string _host;
    private readonly bool _mustFill;
    private readonly CancellationToken _opener;
    private long _remaining;

    /// <param name="response">Owner of the stream; disposed with it.</param>
    /// <param name="inner">The body.</param>
    /// <param name="length">Bytes to read at most; all of them must come when <paramref name="mustFill"/>.</param>
    /// <param name="mustFill">Whether an earlier end is an error.</param>
    /// <param name="stallTimeout">Longest silence.</param>
    /// <param name="opener">The token of whoever opened it: synchronous reads take none of their own, and must end with it.</param>
    public BodyStream(HttpResponseMessage response, Stream inner, long length, bool mustFill, TimeSpan stallTimeout, CancellationToken opener)
    {
        _response = response;
        _inner = inner;
        _remaining = length;
        _mustFill = mustFill;
        _stallTimeout = stallTimeout;
        _opener = opener;
        _host = response.RequestMessage?.RequestUri?.Host ?? "The server";
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Ends the stream after so many more bytes, if it does not end before.</summary>
    public void LimitTo(long length) => _remaining = Math.Min(_remaining, length);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_remaining == 0 || buffer.Length == 0)
            return 0;
        if (buffer.Length > _remaining)
            buffer = buffer[..(int)_remaining];
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(_stallTimeout);
        int read;
        try
        {
            read = await _inner.ReadAsync(buffer, stall.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw NetworkErrors.BrokenBody(_host, $"no byte came for {_stallTimeout.TotalSeconds:0.###} s", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw NetworkErrors.BrokenBody(_host, e.Message.TrimEnd('.'), e);
        }
        if (read == 0 && _mustFill)
            throw NetworkErrors.BrokenBody(_host, $"{_remaining} bytes are missing");
        _remaining -= read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // For parsers of headers, which read synchronously; the network code below does not depend on the caller's context.
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count), _opener).AsTask().GetAwaiter().GetResult();

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _response.Dispose();
        base.Dispose(disposing);
    }
}
