namespace ModelOps.Fit.Graph;

/// <summary>Free blocks of one piece of memory, by their offset (ggml-alloc.c, <c>tallocr_chunk</c>). The last block is where the piece grows.</summary>
internal sealed class FreeList
{
    private (long Offset, long Size)[] _blocks = new (long, long)[64];
    private int _count;

    /// <summary>Bytes that were taken at most.</summary>
    public long Peak { get; private set; }

    /// <summary>Gives all memory back.</summary>
    public void Clear(long size)
    {
        _blocks[0] = (0, size);
        _count = 1;
        Peak = 0;
    }

    /// <summary>The smallest block before the last that is large enough, of two alike the later; -1 for none.</summary>
    public int Hole(long size)
    {
        var (best, bestSize) = (-1, long.MaxValue);
        for (var index = 0; index < _count - 1; index++)
        {
            var free = _blocks[index].Size;
            if (free >= size && free <= bestSize)
            {
                (best, bestSize) = (index, free);
            }
        }
        return best;
    }

    /// <summary>The last block where it is large enough; -1 otherwise.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="spare">Bytes that were taken before and would stay unused; below 0 what the piece would grow by.</param>
    public int End(long size, out long spare)
    {
        spare = 0;
        if (_count == 0)
        {
            return -1;
        }
        ref readonly var last = ref _blocks[_count - 1];
        spare = Peak - last.Offset - size;
        return last.Size >= size ? _count - 1 : -1;
    }

    /// <summary>Takes from a block's beginning.</summary>
    public long Take(int index, long size)
    {
        ref var block = ref _blocks[index];
        var offset = block.Offset;
        block = (checked(offset + size), block.Size - size);
        if (block.Size == 0)
        {
            Remove(index);
        }
        Peak = Math.Max(Peak, offset + size);
        return offset;
    }

    public void Give(long offset, long size)
    {
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
