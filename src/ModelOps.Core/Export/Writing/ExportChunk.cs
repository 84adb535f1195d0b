namespace ModelOps.Export;

/// <summary>Rows of a tensor that are read, made and written together.</summary>
/// <param name="Item">Index of the tensor.</param>
/// <param name="First">First row; of a copied tensor the first weight.</param>
/// <param name="Count">Number of rows, or of weights.</param>
internal readonly record struct ExportChunk(int Item, long First, int Count)
{
    private const int Weights = 1 << 20;

    /// <summary>Rows whose zeros share words never lie in two chunks.</summary>
    private const int RowsTogether = 32;

    /// <summary>The work of an export in the order of its tensors.</summary>
    public static List<ExportChunk> Of(IReadOnlyList<ExportItem> items)
    {
        var chunks = new List<ExportChunk>();
        for (var i = 0; i < items.Count; i++)
        {
            var (all, atOnce) = items[i].Scheme is null
                ? (items[i].Weights, Weights)
                : (items[i].Tensor.Shape[0], Math.Max(RowsTogether, Weights / items[i].RowLength / RowsTogether * RowsTogether));
            for (var first = 0L; first < all; first += atOnce)
                chunks.Add(new ExportChunk(i, first, (int)Math.Min(atOnce, all - first)));
        }
        return chunks;
    }
}
