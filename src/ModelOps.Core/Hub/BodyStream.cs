using System.Diagnostics;

namespace ModelOps.Hub;

/// <summary>
/// The body of an answer: at most a number of bytes, an error when it ends before the promised length, is silent for too long or only trickles,
/// and the stack's exceptions turned into ours.
/// </summary>
internal sealed class BodyStream : Stream
{
    /// <summary>Slower than this over a whole stall timeout is as good as silent.</summary>
    private const int LeastBytesPerSecond = 1 << 10;

    private readonly HttpResponseMessage _response;
    private readonly Stream _inner;
    private readonly TimeSpan _stallTimeout;
    private readonly string _host;
    private readonly bool _mustFill;
    private readonly CancellationToken _opener;
    // One for the whole body: a source for every read would cost more than the read.
    private CancellationTokenSource _stall;
    private long _remaining;
    private TimeSpan _waited;
    private long _cameMeanwhile;

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
        _stall = CancellationTokenSource.CreateLinkedTokenSource(opener);
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
        int read;
        try
        {
            ValueTask<int> pending = _inner.ReadAsync(buffer, _stall.Token);
            read = pending.IsCompleted ? await pending.ConfigureAwait(false) : await WaitAsync(pending, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested && !_opener.IsCancellationRequested)
        {
            throw NetworkErrors.BrokenBody(_host, $"no byte came for {_stallTimeout.TotalSeconds:0.###} s", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _opener.ThrowIfCancellationRequested();
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
        {
            _response.Dispose();
            _stall.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>Waits for a read that is not over at once, with the clock running. Only such waiting counts: a slow reader is not the server's fault.</summary>
    private async Task<int> WaitAsync(ValueTask<int> pending, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        _stall.CancelAfter(_stallTimeout);
        int read;
        CancellationTokenSource stall = _stall;
        using (cancellationToken == _opener ? default : cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), stall))
            read = await pending.ConfigureAwait(false);
        _stall.CancelAfter(Timeout.InfiniteTimeSpan);
        if (_stall.IsCancellationRequested && !_opener.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // It came in the very moment in which the time was over.
            _stall.Dispose();
            _stall = CancellationTokenSource.CreateLinkedTokenSource(_opener);
        }
        _waited += Stopwatch.GetElapsedTime(start);
        _cameMeanwhile += read;
        if (_waited >= _stallTimeout)
        {
            if (read > 0 && read < _remaining && _cameMeanwhile < LeastBytesPerSecond * _waited.TotalSeconds)
                throw NetworkErrors.BrokenBody(_host, $"only {_cameMeanwhile} bytes came in {_waited.TotalSeconds:0.###} s");
            _waited = TimeSpan.Zero;
            _cameMeanwhile = 0;
        }
        return read;
    }
}
