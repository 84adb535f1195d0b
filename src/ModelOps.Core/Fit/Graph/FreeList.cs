namespace ModelOps.Fit.Graph;

/// <summary>
/// Free blocks of a buffer that grows at its end: the smallest that is large enough is taken, the last only when no other is
/// (ggml-alloc.c, <c>ggml_dyn_tallocr</c>; of one chunk, as buffers of graphs are far below any device's limit).
/// </summary>
internal sealed class FreeList
{
    private const long Endless = long.MaxValue / 2;
    private (long Offset, long Size)[] _blocks = [(0, Endless), .. new (long, long)[63]];
    private int _count = 1;
    private long _alignment = 1;

    /// <summary>Bytes that were taken at most.</summary>
    public long Peak { get; private set; }

    /// <summary>Gives all memory back; from then on blocks are multiples of an alignment.</summary>
    public void Clear(int alignment)
    {
        _alignment = alignment;
        _blocks[0] = (0, Endless);
        _count = 1;
        Peak = 0;
    }

    public long Align(long size) => checked(size + _alignment - 1) / _alignment * _alignment;

    public long Take(long size)
    {
        size = Align(size);
        var best = _count - 1;
        var bestSize = long.MaxValue;
        for (var index = 0; index < _count - 1; index++)
        {
            var free = _blocks[index].Size;
            if (free >= size && free <= bestSize)
            {
                (best, bestSize) = (index, free);
            }
        }
        ref var block = ref _blocks[best];
        var offset = block.Offset;
        block = (checked(offset + size), block.Size - size);
        if (block.Size == 0)
        {
            Remove(best);
        }
        Peak = Math.Max(Peak, offset + size);
        return offset;
    }

    public void Give(long offset, long size)
    {
        size = Align(size);
        for (var index = 0; index < _count; index++)
        {
            ref var block = ref _blocks[index];
            if (block.Offset + block.Size == offset)
            {
                block.Size += size;
                if (index < _count - 1 && block.Offset + block.Size == _blocks[index + 1].Offset)
                {
                    block.Size += _blocks[index + 1].Size;
                    Remove(index + 1);
                }
                return;
            }
            if (offset + size == block.Offset)
            {
                block = (offset, block.Size + size);
                if (index > 0 && _blocks[index - 1].Offset + _blocks[index - 1].Size == block.Offset)
                {
                    _blocks[index - 1].Size += block.Size;
                    Remove(index);
                }
                return;
            }
        }
        Insert(offset, size);
    }

    private void Insert(long offset, long size)
    {
        if (_count == _blocks.Length)
        {
            Array.Resize(ref _blocks, 2 * _count);
        }
        var position = 0;
        while (position < _count && _blocks[position].Offset < offset)
        {
            position++;
        }
        Array.Copy(_blocks, position, _blocks, position + 1, _count - position);
        _blocks[position] = (offset, size);
        _count++;
    }

    private void Remove(int index)
    {
        _count--;
        Array.Copy(_blocks, index + 1, _blocks, index, _count - index);
    }
}
