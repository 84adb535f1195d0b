namespace ModelOps.Conversion;

/// <summary>Rows of a tensor of the output that are read, made, written and journaled together.</summary>
/// <param name="Tensor">Index of the tensor in the plan.</param>
/// <param name="FirstRow">First row.</param>
/// <param name="Rows">Number of rows.</param>
internal readonly record struct RowChunk(int Tensor, long FirstRow, long Rows);

/// <summary>
/// A conversion's work as a row of chunks, in the order of the source's files, so that a disk reads forward. Their size depends on the plan
/// alone, never on threads or memory: a run may go on with what another has begun.
/// </summary>
internal static class ChunkRow
{
    /// <summary>
    /// Bytes that are written at once: large enough for any disk; small enough to stay in a processor's cache from reading over the checksum to
    /// writing, and for every processor to have work to the end.
    /// </summary>
    private const long ChunkBytes = 1 << 20;

    /// <summary>Weights of a chunk: those of BF16 that <see cref="ChunkBytes"/> are copied from.</summary>
    private const long ChunkWeights = ChunkBytes / 2;

    public static List<RowChunk> Of(ConversionPlan plan, IReadOnlyList<TensorSource> sources)
    {
        var chunks = new List<RowChunk>();
        foreach (var tensor in InSourceOrder(plan))
        {
            var source = sources[tensor];
            var rowBytes = plan.Tensors[tensor].Type.RowBytes(source.RowLength);
            var chunkRows = Math.Max(source.RowsAtOnce, Math.Min(ChunkBytes / rowBytes, ChunkWeights / source.RowLength));
            for (var row = 0L; row < source.Rows; row += chunkRows)
                chunks.Add(new RowChunk(tensor, row, Math.Min(chunkRows, source.Rows - row)));
        }
        return chunks;
    }

    /// <summary>The plan's tensors by where the first of their sources lies; computed ones first, unknown places in the plan's order.</summary>
    public static IEnumerable<int> InSourceOrder(ConversionPlan plan)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in plan.ReadOrder)
            places.TryAdd(name, places.Count);
        return Enumerable.Range(0, plan.Tensors.Count).OrderBy(i => plan.Tensors[i].Sources.Select(name => places.GetValueOrDefault(name)).DefaultIfEmpty(0).Min());
    }
}
