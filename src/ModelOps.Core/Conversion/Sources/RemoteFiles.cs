namespace ModelOps.Conversion;

/// <summary>
/// Weight files on a hub, read while they arrive: what the conversion will read next is asked for ahead, in large pieces over several
/// connections, into a window of memory. A piece leaves the window when all of it has been read, or for one that somebody waits for.
/// Bytes that are in no piece are asked for one read at a time.
/// </summary>
internal sealed class RemoteFiles : IWeightFiles
{
    /// <summary>Connections that fetch ahead; as many as a download keeps open at most by default.</summary>
    public const int Connections = 8;

    /// <summary>Bytes of a piece: at a Gbit/s on each connection still several times a request's delay.</summary>
    public const int MostPieceBytes = 8 << 20;

    private readonly IReadOnlyDictionary<string, RemoteRange> _files;
    private readonly List<RemotePiece> _pieces;
    private readonly Dictionary<string, RemotePiece[]> _piecesOf;
    private readonly int _window;
    private readonly Stack<byte[]> _free = [];
    private readonly int _bufferBytes;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _lock = new();
    private int _held;
    private int _arriving;
    private int _ahead;
    private int _latest;

    /// <param name="files">The files by name.</param>
    /// <param name="order">Bytes in the order in which they will mostly be read.</param>
    /// <param name="memoryBytes">Size of the window.</param>
    /// <param name="cancellationToken">Ends reads that wait.</param>
    public RemoteFiles(IReadOnlyDictionary<string, RemoteRange> files, IEnumerable<FileExtent> order, long memoryBytes, CancellationToken cancellationToken)
    {
        _files = files;
        // Twice as many as connections: half of them arrive while the other half is read.
        _bufferBytes = (int)Math.Clamp(memoryBytes / (2 * Connections), 64 << 10, MostPieceBytes);
        _window = (int)Math.Max(memoryBytes / _bufferBytes, 2);
        _pieces = RemotePiece.Cut(order, _bufferBytes);
        _piecesOf = _pieces.GroupBy(piece => piece.Extent.File).ToDictionary(group => group.Key, group => group.OrderBy(piece => piece.Extent.Offset).ToArray(), StringComparer.Ordinal);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    public void Read(string file, long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var (piece, limit) = Find(file, position);
            var length = (int)Math.Min(destination.Length, limit - position);
            if (piece is null)
                ReadDirectly(file, position, destination[..length]);
            else
                ReadPiece(piece, (int)(position - piece.Extent.Offset), destination[..length]);
            destination = destination[length..];
            position += length;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        Task[] arriving;
        lock (_lock)
            arriving = [.. _pieces.Select(piece => piece.Arrival).OfType<Task>()];
        // Whatever becomes of them: nobody needs them any more, but the client must not go away under them.
        Task.WhenAll(arriving).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Wait();
        _stop.Dispose();
    }

    /// <summary>The piece that a position is in; else null, and where the next piece begins.</summary>
    private (RemotePiece? Piece, long Limit) Find(string file, long position)
    {
        var pieces = _piecesOf.GetValueOrDefault(file) ?? [];
        var (low, high) = (0, pieces.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (pieces[middle].Extent.End <= position)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == pieces.Length)
            return (null, long.MaxValue);
        var extent = pieces[low].Extent;
        return extent.Offset <= position ? (pieces[low], extent.End) : (null, extent.Offset);
    }

    private void ReadDirectly(string file, long position, Span<byte> destination)
    {
        var buffer = new byte[destination.Length];
        _files[file].FillAsync(position, buffer, _stop.Token).GetAwaiter().GetResult();
        buffer.CopyTo(destination);
    }

    private void ReadPiece(RemotePiece piece, int offset, Span<byte> destination)
    {
        Task<byte[]> arrival;
        lock (_lock)
        {
            piece.Readers++;
            if (piece.Arrival is null)
            {
                if (_held >= _window)
                    ReleaseEarliest(_pieces.Count);
                Ask(piece, FreeBuffer());
            }
            arrival = piece.Arrival!;
            _ahead = Math.Max(_ahead, piece.Index + 1);
            _latest = Math.Max(_latest, piece.Index);
            AskAhead();
        }
        try
        {
            // Reading is synchronous throughout the conversion; nothing below runs on this thread.
            arrival.GetAwaiter().GetResult().AsSpan(offset, destination.Length).CopyTo(destination);
        }
        finally
        {
            lock (_lock)
            {
                piece.Readers--;
                piece.ReadBytes += destination.Length;
                if (piece.ReadBytes >= piece.Extent.Bytes && piece.Readers == 0)
                    Release(piece);
                AskAhead();
            }
        }
    }

    private void AskAhead()
    {
        // Bytes that nothing reads (rows beyond the vocabulary, padding) would keep their piece for ever.
        if (_held >= _window)
            ReleaseEarliest(_latest - (_window / 2));
        for (; _ahead < _pieces.Count && _arriving < Connections && _held < _window && !_stop.IsCancellationRequested; _ahead++)
        {
            if (!_pieces[_ahead].WasAsked)
                Ask(_pieces[_ahead], FreeBuffer());
        }
    }

    private void Ask(RemotePiece piece, byte[] buffer)
    {
        _held++;
        _arriving++;
        piece.WasAsked = true;
        piece.ReadBytes = 0;
        piece.Arrival = Task.Run(() => ArriveAsync(piece, buffer));
    }

    private async Task<byte[]> ArriveAsync(RemotePiece piece, byte[] buffer)
    {
        try
        {
            await _files[piece.Extent.File].FillAsync(piece.Extent.Offset, buffer.AsMemory(0, (int)piece.Extent.Bytes), _stop.Token).ConfigureAwait(false);
            return buffer;
        }
        finally
        {
            lock (_lock)
            {
                _arriving--;
                AskAhead();
            }
        }
    }

    /// <summary>Gives up the earliest piece before a place in the order that is there and that nobody reads at this moment, if there is one.</summary>
    private void ReleaseEarliest(int before)
    {
        if (_pieces.Take(Math.Max(before, 0)).FirstOrDefault(piece => piece is { Readers: 0, Arrival.IsCompletedSuccessfully: true }) is { } earliest)
            Release(earliest);
    }

    private byte[] FreeBuffer() => _free.TryPop(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(_bufferBytes);

    private void Release(RemotePiece piece)
    {
        if (piece.Arrival is { IsCompletedSuccessfully: true } arrival)
            _free.Push(arrival.Result);
        piece.Arrival = null;
        _held--;
    }
}
