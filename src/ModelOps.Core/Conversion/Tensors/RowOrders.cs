namespace ModelOps.Conversion;

/// <summary>The row orders that architectures need.</summary>
internal static class RowOrders
{
    /// <summary>
    /// Undoes the library's split of rotary pairs: it keeps the first halves of all pairs of a head, then the second halves;
    /// ggml's "normal" RoPE wants each pair side by side (LlamaModel.permute of llama.cpp's converter).
    /// </summary>
    /// <param name="heads">Heads that the rows are divided among: those of q, or the key/value heads for k.</param>
    /// <param name="rows">Rows in all.</param>
    public static RowOrder RotaryPairs(long heads, long rows)
    {
        var headRows = rows / heads;
        var half = headRows / 2;
        return row =>
        {
            var (head, inHead) = Math.DivRem(row, headRows);
            return (head * headRows) + (inHead % 2 * half) + (inHead / 2);
        };
    }
}
