namespace ModelOps.Conversion;

/// <summary>
/// Pieces of stored tensors that many rows need, kept while they are used: the columns of a transposed matrix, scales. Bounded: what was
/// used longest ago goes first.
/// </summary>
internal sealed class PanelCache
{
    /// <summary>A few panels: the rows of one are read one after the other, by a few threads.</summary>
    private const long MaximumBytes = 96L << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<(CheckpointTensor Tensor, long Panel), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    /// <summary>The bytes of a panel; whoever comes first loads them, others wait for it.</summary>
    public byte[] Get(CheckpointTensor tensor, long panel, int bytes, Action<byte[]> load)
    {
        Entry entry;
        lock (_lock)
        {
            if (_entries.TryGetValue((tensor, panel), out var found))
            {
                _byUse.Remove(found);
                _byUse.AddFirst(found);
                entry = found.Value;
            }
            else
            {
                entry = new Entry((tensor, panel), bytes, new Lazy<byte[]>(() => Load(bytes, load)));
                _entries.Add(entry.Key, _byUse.AddFirst(entry));
                _bytes += bytes;
                Shrink();
            }
        }
        return entry.Data.Value;
    }

    private static byte[] Load(int bytes, Action<byte[]> load)
    {
        var data = GC.AllocateUninitializedArray<byte>(bytes);
        load(data);
        return data;
    }

    private void Shrink()
    {
        while (_bytes > MaximumBytes && _byUse.Count > 1)
        {
            var oldest = _byUse.Last!.Value;
            _byUse.RemoveLast();
            _entries.Remove(oldest.Key);
            _bytes -= oldest.Bytes;
        }
    }

    private sealed record Entry((CheckpointTensor Tensor, long Panel) Key, int Bytes, Lazy<byte[]> Data);
}
