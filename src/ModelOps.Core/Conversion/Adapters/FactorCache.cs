namespace ModelOps.Conversion;

/// <summary>
/// The matrices of adapters that were needed lately, as F32: each piece of a merged tensor needs the whole of one. The least recently used
/// go when they are more than 128 MiB together; those in use stay with their user.
/// </summary>
internal sealed class FactorCache
{
    private const long MaximumBytes = 128L << 20;

    private readonly LinkedList<(LowRankPair Pair, float[] A, float[] B)> _recent = [];
    private readonly Lock _lock = new();
    private long _bytes;

    /// <summary>Both matrices of a pair.</summary>
    public (float[] A, float[] B) Get(LowRankPair pair)
    {
        lock (_lock)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (!ReferenceEquals(node.Value.Pair, pair))
                    continue;
                _recent.Remove(node);
                _recent.AddFirst(node);
                return (node.Value.A, node.Value.B);
            }
            // Of their own file, wherever the model's weights are.
            using var reader = new CheckpointReader(new LocalFiles());
            var (a, b) = (Read(pair.A, reader), Read(pair.B, reader));
            _recent.AddFirst((pair, a, b));
            _bytes += Bytes(a, b);
            while (_bytes > MaximumBytes && _recent.Count > 1)
            {
                _bytes -= Bytes(_recent.Last!.Value.A, _recent.Last.Value.B);
                _recent.RemoveLast();
            }
            return (a, b);
        }
    }

    private static long Bytes(float[] a, float[] b) => ((long)a.Length + b.Length) * sizeof(float);

    private static float[] Read(PlainTensor matrix, CheckpointReader reader)
    {
        var weights = new float[matrix.Shape[0] * matrix.Shape[1]];
        matrix.Read(reader, 0, weights);
        return weights;
    }
}
