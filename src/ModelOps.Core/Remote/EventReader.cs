using System.Text;

namespace ModelOps.Remote;

/// <summary>
/// Reads a body bounded in bytes and in silence: as a whole, or as server-sent events (the HTML standard, section 9.2: of its fields, <c>data</c>).
/// </summary>
internal sealed class EventReader(Stream body, EndpointErrors errors, TimeSpan stall, int mostBytes) : IDisposable
{
    private static readonly byte[] ByteOrderMark = [0xEF, 0xBB, 0xBF];

    private readonly CancellationTokenSource _stall = new();
    private byte[] _buffer = new byte[1 << 14];
    private int _start;
    private int _end;
    private bool _begun;

    /// <summary>The data of the next event; null at the end of the body, where an event that was not closed does not count.</summary>
    public async Task<string?> NextAsync(CancellationToken cancellationToken)
    {
        StringBuilder? data = null;
        while (await LineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            if (line.Length == 0)
            {
                if (data is not null)
                {
                    return data.ToString();
                }
                continue;
            }
            // Comments keep a connection alive; other fields say nothing here.
            if (!line.StartsWith("data:", StringComparison.Ordinal))
            {
                continue;
            }
            data = data is null ? new StringBuilder() : data.Append('\n');
            data.Append(line.AsSpan(line.Length > 5 && line[5] == ' ' ? 6 : 5));
            if (data.Length > mostBytes)
            {
                throw TooLong();
            }
        }
        return null;
    }

    /// <summary>The whole body as text.</summary>
    public async Task<string> WholeAsync(CancellationToken cancellationToken)
    {
        while (await FillAsync(cancellationToken).ConfigureAwait(false))
        {
        }
        return Encoding.UTF8.GetString(_buffer, _start, _end - _start);
    }

    /// <summary>The beginning of the body, for an error's text.</summary>
    public async Task<string> BeginningAsync(int bytes, CancellationToken cancellationToken)
    {
        while (_end - _start < bytes && await FillAsync(cancellationToken).ConfigureAwait(false))
        {
        }
        return Encoding.UTF8.GetString(_buffer, _start, Math.Min(bytes, _end - _start));
    }

    public void Dispose() => _stall.Dispose();

    private async Task<string?> LineAsync(CancellationToken cancellationToken)
    {
        int looked = 0;
        while (true)
        {
            int length = _buffer.AsSpan(_start + looked, _end - _start - looked).IndexOf((byte)'\n');
            if (length >= 0)
            {
                ReadOnlySpan<byte> line = _buffer.AsSpan(_start, looked + length).TrimEnd((byte)'\r');
                _start += looked + length + 1;
                if (!_begun && line.StartsWith(ByteOrderMark))
                {
                    line = line[3..];
                }
                _begun = true;
                return Encoding.UTF8.GetString(line);
            }
            looked = _end - _start;
            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return null;
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0 && (_start == _end || _end == _buffer.Length))
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= mostBytes)
            {
                throw TooLong();
            }
            Array.Resize(ref _buffer, Math.Min(mostBytes, _buffer.Length * 2));
        }
        int read;
        using (cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _stall))
        {
            _stall.CancelAfter(stall);
            try
            {
                read = await body.ReadAsync(_buffer.AsMemory(_end), _stall.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw errors.Silent();
            }
            catch (Exception exception) when (exception is IOException or HttpRequestException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw errors.Broken(exception.Message.TrimEnd('.'), exception);
            }
            _stall.CancelAfter(Timeout.InfiniteTimeSpan);
        }
        _end += read;
        return read > 0;
    }

    private EndpointFailure TooLong() => errors.Unexpected($"a part of it has more than {ByteSize.Format(mostBytes)}");
}
