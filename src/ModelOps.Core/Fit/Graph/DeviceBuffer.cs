namespace ModelOps.Fit.Graph;

/// <summary>
/// A device's memory for a graph: one piece that grows at its end, or several where the backend makes no larger ones. A hole is taken that is large enough,
/// then the end of the piece that grows least, then a new piece (ggml-alloc.c, <c>ggml_dyn_tallocr</c>).
/// </summary>
internal sealed class DeviceBuffer
{
    private const long Endless = long.MaxValue / 2;

    // GGML_VBUFFER_MAX_CHUNKS: the last one takes what the others cannot.
    private const int MostPieces = 16;

    private readonly FreeList[] _pieces = new FreeList[MostPieces];
    private int _count;
    private long _alignment = 1;
    private long _largestPiece = Endless;

    /// <summary>Bytes of all pieces, each as large as it ever was.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            for (var piece = 0; piece < _count; piece++)
            {
                bytes = checked(bytes + _pieces[piece].Peak);
            }
            return bytes;
        }
    }

    /// <summary>Gives all memory back.</summary>
    /// <param name="alignment">Blocks are multiples of so many bytes from then on.</param>
    /// <param name="largestPiece">Bytes of the largest piece that the backend makes; null without a bound.</param>
    public void Clear(int alignment, long? largestPiece)
    {
        (_alignment, _largestPiece, _count) = (alignment, largestPiece ?? Endless, 0);
    }

    public BufferAddress Take(long size)
    {
        size = Align(size);
        var (piece, block) = (-1, -1);
        for (var index = 0; index < _count; index++)
        {
            if (_pieces[index].Hole(size) is >= 0 and var hole)
            {
                (piece, block) = (index, hole);
            }
        }
        if (block < 0)
        {
            var best = long.MinValue;
            for (var index = 0; index < _count; index++)
            {
                var end = _pieces[index].End(size, out var spare);
                // While a piece must grow, the one that grows least; once one need not, the one that leaves least unused.
                if (end >= 0 && ((best < 0 && spare > best) || (spare >= 0 && spare < best)))
                {
                    (piece, block, best) = (index, end, spare);
                }
            }
        }
        if (block < 0)
        {
            (piece, block) = (AddPiece(size), 0);
        }
        return new BufferAddress(piece, _pieces[piece].Take(block, size));
    }

    public void Give(BufferAddress address, long size) => _pieces[address.Chunk].Give(address.Offset, Align(size));

    private long Align(long size) => checked(size + _alignment - 1) / _alignment * _alignment;

    private int AddPiece(long size)
    {
        (_pieces[_count] ??= new FreeList()).Clear(_count == MostPieces - 1 ? Endless : Math.Max(size, _largestPiece));
        return _count++;
    }
}
